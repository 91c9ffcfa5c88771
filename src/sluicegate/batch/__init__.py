"""What was handed in, opened: files, globs and in-memory tables become views on a DuckDB database, with a fingerprint.

Here: opening (``source``), which files (``files``), those that lie elsewhere (``remote``), reading them (``readers``, ``text_readers``,
``compression``, ``encoding``, ``bad_lines``), values from text (``convert``), tables in memory (``memory``; ``in_place``: without a copy),
the database (``database``; ``pool``: for one batch after the other) and its folder (``scratch``), the opened batch (``model``), some
of its rows (``parts``), its content as a hash (``fingerprint``).

Knows ``scan``, ``checks``, ``ports`` and ``errors``. Must never know a contract or a check's meaning.
"""
