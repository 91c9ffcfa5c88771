"""Great Expectations as an engine: its own classes give the verdict, DuckDB the figures.

What a check has to know is known when the run is planned (``sought``, ``native_sought``), and one scan answers it for all engines;
what becomes of the answers is a job (``jobs``).

- canonical checks: as suites (``canonical``), as jobs (``canonical_jobs``);
- native expectations: what GX exports (``catalogue``), arguments (``arguments``), row conditions (``conditions``), which rows
  break one (``native_rows``) or which figures it is about (``native_metrics``), as jobs (``native_jobs``);
- what SQL can't say: Python's regular expressions (``regexes``), GX's own pandas metrics (``pandas_path``, ``pandas_query``);
- GX itself (``gx``), imported under a name of ours without what no verdict needs (``private``), one run (``run``), a check that
  can't be run as written (``faults``), the port (``engine``).

May know ``checks``, ``ports`` and ``errors``; must never know another adapter, and imports Great Expectations only when a check
is run.
"""
