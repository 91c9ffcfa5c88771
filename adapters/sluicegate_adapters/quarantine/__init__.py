"""Where refused batches wait: one module per quarantine store (``local``, ``s3``), and what they have in common (``rules``).

``local_leavings`` is what the dead left in a folder of the ``local`` store.

``s3_layout`` knows which key an item of the ``s3`` store lies under.
"""
