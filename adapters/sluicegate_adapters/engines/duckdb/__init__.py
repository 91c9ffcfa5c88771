"""DuckDB as an engine, and the reference for the others.

Here: the port (``engine``). What the SQL means is not decided
here but in ``sluicegate.checks``.
"""
