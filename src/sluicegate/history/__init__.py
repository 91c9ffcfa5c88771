"""Run records: what was decided, when, on which figures. SQLite by default.

Here: what is kept of a run (``record``) and of what there is to tell of it (``alert``), and where (``sqlite``).

Knows ``verdict``. Must never arbitrate: the target and the quarantine store do that.
"""

from sluicegate.history.record import RunRecord
from sluicegate.history.sqlite import SqliteHistory

__all__ = ["RunRecord", "SqliteHistory"]
