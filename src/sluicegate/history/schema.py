"""The history's tables, and how older files are brought up to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SCHEMA_VERSION", "make_schema", "migrate", "version_of"]

SCHEMA_VERSION = 2
_FIRST = 1

_RUNS = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL NOT NULL,
    contract_name TEXT NOT NULL, contract_version TEXT NOT NULL, contract_sha256 TEXT NOT NULL,
    tenant TEXT NOT NULL, dataset TEXT NOT NULL, batch_id TEXT NOT NULL, batch_sha256 TEXT NOT NULL, rows INTEGER NOT NULL,
    decision TEXT NOT NULL, action TEXT NOT NULL, location TEXT NOT NULL, quarantine_id TEXT,
    counts TEXT NOT NULL, verdict TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX runs_by_dataset ON runs (tenant, dataset, started_at);
CREATE INDEX runs_by_time ON runs (started_at);
CREATE TABLE figures (
    run_id TEXT NOT NULL REFERENCES runs (run_id), check_fingerprint TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (check_fingerprint, run_id)
) WITHOUT ROWID;
"""

# What is promised is held by the tables themselves: a happening is kept once (alerts.key), it is in one message of a channel
# (members), and a channel has one open message of a group (open_messages).
_OUTBOX = """
CREATE TABLE intents (
    intent_id INTEGER PRIMARY KEY AUTOINCREMENT, planned_at TEXT NOT NULL, alert TEXT NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL, process_started TEXT NOT NULL
);
CREATE TABLE alerts (
    alert_id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL CHECK (state IN ('waiting', 'routed')),
    happened_at TEXT NOT NULL, tenant TEXT NOT NULL, contract_name TEXT NOT NULL, dataset TEXT NOT NULL,
    severity TEXT NOT NULL, refusal INTEGER NOT NULL, recipients TEXT NOT NULL, alert TEXT NOT NULL
);
CREATE INDEX alerts_by_state ON alerts (state, alert_id);
CREATE INDEX alerts_by_contract ON alerts (tenant, contract_name, dataset, alert_id);
CREATE TABLE messages (
    message_id TEXT PRIMARY KEY, channel TEXT NOT NULL, grp TEXT NOT NULL, window_seconds REAL NOT NULL,
    due_at TEXT NOT NULL, sealed_at TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX open_messages ON messages (channel, grp) WHERE sealed_at IS NULL;
CREATE INDEX messages_by_due ON messages (sealed_at, due_at);
CREATE TABLE members (
    alert_id INTEGER NOT NULL REFERENCES alerts (alert_id), channel TEXT NOT NULL, message_id TEXT NOT NULL REFERENCES messages (message_id),
    PRIMARY KEY (alert_id, channel)
) WITHOUT ROWID;
CREATE INDEX members_by_message ON members (message_id, alert_id);
CREATE TABLE deliveries (
    message_id TEXT NOT NULL REFERENCES messages (message_id), service TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'sending', 'delivered', 'failed', 'dropped')),
    attempts INTEGER NOT NULL, next_at TEXT NOT NULL, host TEXT, pid INTEGER, process_started TEXT,
    detail TEXT NOT NULL, noted_at TEXT,
    PRIMARY KEY (message_id, service)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_state ON deliveries (state, next_at);
CREATE TABLE groups (channel TEXT NOT NULL, grp TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (channel, grp)) WITHOUT ROWID;
CREATE TABLE standings (
    tenant TEXT NOT NULL, contract_name TEXT NOT NULL, dataset TEXT NOT NULL,
    failing_since TEXT NOT NULL, refused INTEGER NOT NULL, first_alert INTEGER NOT NULL,
    PRIMARY KEY (tenant, contract_name, dataset)
) WITHOUT ROWID;
"""


def make_schema(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database; several may do so at once."""
    connection.execute("BEGIN IMMEDIATE")
    if version_of(connection) is None:  # else somebody made it while this waited
        _execute(connection, "CREATE TABLE schema_version (version INTEGER NOT NULL);" + _RUNS + _OUTBOX)
        connection.execute("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))
    connection.execute("COMMIT")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database of an older version up to this one, in place; several may do so at once."""
    connection.execute("BEGIN IMMEDIATE")
    if version_of(connection) == _FIRST:  # else somebody did it while this waited
        _execute(connection, _OUTBOX)
        connection.execute("UPDATE schema_version SET version = ?", (SCHEMA_VERSION,))
    connection.execute("COMMIT")


def version_of(connection: sqlite3.Connection) -> int | None:
    """The schema's version; None in an empty database, 0 in somebody else's."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "schema_version" in tables:
        row = connection.execute("SELECT version FROM schema_version").fetchone()
        return int(row[0]) if row else 0
    return 0 if tables else None


def _execute(connection: sqlite3.Connection, script: str) -> None:
    for statement in filter(str.strip, script.split(";")):
        connection.execute(statement)
