"""Where committed batches go: one module per target (``parquet``, ``iceberg``).

``_export`` (a batch's rows as Parquet) and ``_staging`` (where a batch waits until it is published) are what targets share.
``_iceberg_catalog``, ``_iceberg_files``, ``_iceberg_io`` and ``_iceberg_types`` are the Iceberg target's own.
"""
