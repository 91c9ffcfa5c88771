"""DuckDB as an engine, and the reference for the others.

Here: checks as SQL (``translate``), a connection at work (``session``), the port (``engine``). What the SQL means is not decided
here but in ``sluicegate.checks``.
"""
