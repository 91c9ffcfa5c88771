"""Run records: what was decided, when, on which figures. SQLite by default.

Knows ``verdict``. Must never arbitrate: the target and the quarantine store do that.
"""
