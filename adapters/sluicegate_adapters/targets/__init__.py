"""Where committed batches go: one module per target (``parquet``, ``parquet_s3``, ``iceberg``).

``_export`` (a batch's rows as Parquet) and ``_staging`` (where a batch waits until it is published) are what targets share.
``_parquet_keys`` and ``_parquet_leavings`` are ``parquet_s3``'s own: which key is what, and what may be removed.
Of the Iceberg target's own, ``_iceberg_catalog`` and ``_iceberg_io`` are the doors to pyiceberg; ``_iceberg_types`` and
``_iceberg_evolve`` fit a batch and a table to each other; ``_iceberg_partition`` divides rows, ``_iceberg_files`` writes them and
``_iceberg_places`` publishes them; ``_iceberg_snapshots`` finds a batch, ``_iceberg_branches`` says what a commit holds on to, and
``_iceberg_recover`` clears away what the dead left.
"""
