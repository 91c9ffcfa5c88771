"""Run records: what was decided, when, on which figures. SQLite by default.

Here: what is kept of a run (``record``), and where (``sqlite``, in a ``database`` whose tables are in ``schema``). Beside it, what there is to
tell: an ``alert``, which says that a contract fails (``standing``), becomes a ``message`` in the ``outbox``, is taken in hand by who
sends it (``claiming``), and can be looked at (``listing``). What a process has in hand is its own while it lives (``owner``).

Knows ``verdict``. Must never arbitrate: the target and the quarantine store do that.
"""

from sluicegate.history.record import RunRecord
from sluicegate.history.sqlite import SqliteHistory

__all__ = ["RunRecord", "SqliteHistory"]
