"""Soda Core behind the engine port: SodaCL is written here, run here, and told truly. Nothing of it is imported before a run.

Here: canonical checks as SodaCL (``canonical``, ``sodacl``); an author's own SodaCL, read (``native``; ``plain``: where that needs
no Soda), run (``native_run``) and judged (``native_verdict``); Soda itself, kept quiet (``runtime``), imported without what a
verdict never needs (``sparing``), its scan made ours (``scanning``) and given its rows by the run's one scan (``answering``); why
it could not evaluate a check (``problems``); the port (``engine``).
"""
