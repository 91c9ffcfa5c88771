"""Great Expectations as an engine.

Here: what GX exports (``catalogue``), canonical checks as suites (``canonical``, ``canonical_jobs``), native expectations in SQL
(``natives``, ``figures``, ``conditions``) and on pandas (``pandas_path``), the questions to DuckDB (``asks``, ``jobs``), GX itself
(``gx``), the run (``run``) and the port (``engine``). May know ``checks``, ``ports`` and ``errors``; must never know another
adapter, and imports Great Expectations only when a check is run.
"""
