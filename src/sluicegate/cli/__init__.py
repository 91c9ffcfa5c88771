"""The command line: arguments in, a report and an exit code out. No logic of its own.

Here: the entry point (``main``), what can be typed (``parser``), the verbs (``gate_verbs``, ``contract_verbs``, ``quarantine``,
``quarantine_work``, ``recover``, ``history``, ``demo`` with ``demo_repair`` and ``demo_table``, ``doctor``, ``notify`` and ``notify_preview``), the report of a run (``report``), reports in files beside it (``reports``), text on a terminal or in a pipe (``screen``), how we are called (``program``), our ``version``.

May know every room of the core. Must never decide anything about a batch, nor import an adapter.
"""
