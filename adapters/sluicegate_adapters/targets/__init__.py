"""Where committed batches go: one module per target (``parquet``, ``parquet_s3``, ``iceberg``).

``_export`` (a batch's rows as Parquet) and ``_staging`` (where a batch waits until it is published) are what targets share.
``_parquet_keys`` and ``_parquet_leavings`` are ``parquet_s3``'s own: which key is what, and what may be removed.
``_iceberg_catalog``, ``_iceberg_files``, ``_iceberg_io`` and ``_iceberg_types`` are the Iceberg target's own.
"""
