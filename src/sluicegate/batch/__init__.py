"""What was handed in, opened: files, globs and in-memory tables become views on a DuckDB database, with a fingerprint.

Here: opening (``source``), which files (``files``), those that lie elsewhere (``remote``), reading them (``readers``, ``text_readers``, ``compression``, ``encoding``, ``bad_lines``), values from text
(``convert``), what Parquet's own statistics are worth (``statistics``), tables in memory (``memory``; ``in_place``: without a copy), the database (``database``;
``pool``: for one batch after the other), what it may use (``limits``) and its folder (``scratch``), the opened batch (``model``), what
is asked of it (``scan``; ``repeated``: of each text once), how its keys repeat (``keys``, ``witness``), some of its rows (``parts``), its content as a hash
(``fingerprint``).

Knows ``checks``, ``ports`` and ``errors``. Must never know a contract or a check's meaning.
"""
