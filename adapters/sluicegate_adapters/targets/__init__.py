"""Where committed batches go: one module per target (``parquet``).

``_export`` (a batch's rows as Parquet) and ``_staging`` (where a batch waits until it is published) are what targets share.
"""
