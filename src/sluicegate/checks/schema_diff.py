"""How a batch's columns differ from what a contract promises: one sentence for each fault."""

from __future__ import annotations

from sluicegate.checks.binding import near_name
from sluicegate.checks.model import ColumnType, Schema
from sluicegate.checks.types import BatchSchema, kind_of, type_fits

__all__ = ["schema_faults"]


def schema_faults(check: Schema | ColumnType, schema: BatchSchema) -> tuple[str, ...]:
    """Everything about the batch's columns that breaks the check; empty where it holds.

    >>> schema_faults(Schema(columns=("a",)), BatchSchema(()))
    ("column 'a' is missing",)
    """
    return _type_faults(check, schema) if isinstance(check, ColumnType) else _column_faults(check, schema)


def _column_faults(check: Schema, schema: BatchSchema) -> tuple[str, ...]:
    names = schema.names
    promised = (*check.columns, *(name for name in check.optional_columns if name not in check.columns))
    strangers = tuple(name for name in names if name not in promised)
    faults = [_missing(name, strangers) for name in check.columns if name not in names]
    if not check.allow_unexpected:
        faults += [f"column {name!r} is not in the contract" for name in strangers]
    if check.ordered:
        wanted = [name for name in check.columns if name in names]
        found = [name for name in names if name in check.columns]
        if wanted != found:
            faults.append(f"the columns stand in another order: {', '.join(found)} instead of {', '.join(wanted)}")
    return tuple(faults)


def _missing(name: str, candidates: tuple[str, ...]) -> str:
    near = near_name(name, candidates)
    return f"column {name!r} is missing" + (f" ({near})" if near else "")


def _type_faults(check: ColumnType, schema: BatchSchema) -> tuple[str, ...]:
    column = schema.get(check.column)
    if column is None:
        return () if check.optional else (_missing(check.column, schema.names),)
    if kind_of(check.type) is None:
        return (f"column {check.column!r} is {column.native}; {check.type!r} is no type that is known here",)
    if column.is_null or type_fits(check.type, column):
        return ()
    return (f"column {check.column!r} is {column.native}, not {check.type}",)
