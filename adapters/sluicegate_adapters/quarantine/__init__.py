"""Where refused batches wait: one module per quarantine store (``local``, ``s3``), and what they have in common (``rules``).

``s3_layout`` knows which key an item of the ``s3`` store lies under, ``s3_downloads`` where its files are read here; ``local_leavings`` and ``s3_leavings`` know what the dead left there.
"""
