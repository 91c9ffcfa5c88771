"""The checks that a schema and an SLA imply, and the promises in them that no gate can test."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Area, ContractCheck, Severity, Untestable
from sluicegate.checks.types import kind_of, unknown_type
from sluicegate.contract.decode import did_you_mean
from sluicegate.contract.documents import FieldDocument, Governance, SchemaContract, SchemaDocument, Sla
from sluicegate.contract.model import FieldSpec
from sluicegate.contract.naming import Draft, implied_name
from sluicegate.contract.nodes import Faults, Node

__all__ = ["fields_of", "governance_checks", "schema_checks", "sla_checks"]


def fields_of(schema: SchemaDocument, faults: Faults) -> tuple[FieldSpec, ...]:
    """The declared columns, their contradictions noted as faults."""
    seen: dict[str, FieldDocument] = {}
    for item in schema.fields:
        if item.name in seen:
            hint = f"first in line {seen[item.name].node.line}"
            faults.add(item.node.get("name"), f"the column {item.name!r} is declared twice", hint)
        seen[item.name] = item
        if item.type is not None and (unknown := unknown_type(item.type)) is not None:
            hint = did_you_mean(
                unknown, ("boolean", "integer", "decimal", "double", "string", "date", "time", "timestamp", "timestamp_tz")
            )
            faults.add(item.node.get("type"), f"no type is called {unknown!r}", hint)
        if item.required is not None and item.required == item.nullable:
            faults.add(
                item.node.get("nullable"), f"{item.name!r} is 'required' and 'nullable' at once, or neither", "keep 'required'"
            )
        if item.optional and (_required(item) or item.unique):
            wanted = "required" if _required(item) else "unique"
            faults.add(item.node.get("optional"), f"{item.name!r} may be absent, and yet is {wanted}", "remove 'optional'")
    return tuple(
        FieldSpec(
            name=item.name,
            type=item.type,
            required=_required(item),
            unique=item.unique,
            primary_key=item.primary_key,
            optional=item.optional,
            classification=item.classification,
            description=item.description,
        )
        for item in schema.fields
    )


def _required(item: FieldDocument) -> bool:
    return bool(item.required) or item.nullable is False or item.primary_key


def _draft(
    promise: m.CanonicalCheck | Untestable, area: Area, node: Node, file: str, severity: Severity = Severity.ERROR
) -> Draft:
    check = ContractCheck(
        id="",
        name=implied_name(promise),
        promise=promise,
        severity=severity,
        area=area,
        file=file,
        line=node.line,
        column=node.column,
    )
    return Draft(check)


def schema_checks(schema: SchemaDocument, how: SchemaContract, file: str) -> Iterator[Draft]:
    """One ``schema`` check for the columns; types, NULLs and keys one by one."""
    columns = tuple(item.name for item in schema.fields if not item.optional)
    optional = tuple(item.name for item in schema.fields if item.optional)
    node = schema.fields[0].node
    if columns or how.strict_mode:
        promise = m.Schema(columns=columns, optional_columns=optional, allow_unexpected=not how.strict_mode)
        yield _draft(promise, Area.SCHEMA, node, file)
    for item in schema.fields:
        if item.type is not None:
            severity = Severity.WARNING if how.allow_type_changes else Severity.ERROR
            column_type = m.ColumnType(column=item.name, type=item.type, optional=item.optional)
            yield _draft(column_type, Area.SCHEMA, item.node, file, severity)
    for item in schema.fields:
        if _required(item):
            severity = Severity.WARNING if how.allow_nullable_expansion else Severity.ERROR
            yield _draft(m.NotNull(column=item.name), Area.SCHEMA, item.node, file, severity)
    keys: list[tuple[str, ...]] = [(item.name,) for item in schema.fields if item.unique]
    primary = tuple(item.name for item in schema.fields if item.primary_key)
    if primary and primary not in keys:
        keys.append(primary)
    for key in keys:
        place = next(item.node for item in schema.fields if item.name == key[0])
        yield _draft(m.Unique(columns=key), Area.SCHEMA, place, file)


def sla_checks(sla: Sla, fields: tuple[FieldSpec, ...], faults: Faults) -> Iterator[Draft]:
    """Freshness and volume; availability is shown, and skipped."""
    file = faults.file
    if sla.freshness is not None:
        column = sla.freshness.column or _only_moment(fields)
        promise: m.CanonicalCheck | Untestable
        if column is None:
            reason = "no column says how old a row is: give sla.freshness a 'column'"
            promise = Untestable(key="sla.freshness.max_age_hours", reason=reason)
        else:
            promise = m.Freshness(column=column, max_age_hours=sla.freshness.max_age_hours)
        yield _draft(promise, Area.SLA, sla.freshness.node, file)
    if sla.completeness is not None:
        least = m.Bounds(min=sla.completeness.min_records_per_day)
        yield _draft(m.RowCount(bounds=least, window_hours=_DAY), Area.SLA, sla.completeness.node, file)
    if sla.availability is not None:
        reason = "how often a dataset can be read shows in no batch: watch it where it is served"
        yield _draft(Untestable(key="sla.availability.uptime_percentage", reason=reason), Area.SLA, sla.availability.node, file)


_DAY = Decimal(24)


def _only_moment(fields: tuple[FieldSpec, ...]) -> str | None:
    names = [spec.name for spec in fields if spec.type and (kind := kind_of(spec.type)) and kind.is_temporal]
    return names[0] if len(names) == 1 else None


def governance_checks(governance: Governance, file: str) -> Iterator[Draft]:
    """What governance promises about the dataset as a whole."""
    if governance.retention_days is not None:
        reason = "how long rows are kept is the target's to do: the gate deletes none"
        yield _draft(Untestable(key="governance.retention_days", reason=reason), Area.SLA, governance.node, file)
