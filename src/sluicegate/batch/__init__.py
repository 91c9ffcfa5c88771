"""What was handed in, opened: files, globs and in-memory tables become views on a DuckDB database, with a fingerprint.

Knows ``checks``, ``ports`` and ``errors``. Must never know a contract or a check's meaning.
"""
