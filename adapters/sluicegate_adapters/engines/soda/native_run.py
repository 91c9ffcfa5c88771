"""Running an author's SodaCL: made safe, keyed, scanned together where that is safe, and judged by Soda's own thresholds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sluicegate.checks.binding import near_name
from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck
from sluicegate.checks.custom_sql import Refused, guard_query
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext, Unsupported
from sluicegate_adapters.engines.soda.answering import Answers
from sluicegate_adapters.engines.soda.native import Native, columns_of, line_and_config, read
from sluicegate_adapters.engines.soda.native_verdict import verdict
from sluicegate_adapters.engines.soda.problems import errored, raise_if_lost
from sluicegate_adapters.engines.soda.sodacl import expression_text, query_text

if TYPE_CHECKING:
    import duckdb

    from sluicegate_adapters.engines.soda.runtime import Scanned

__all__ = ["run_natives"]

_WORD = re.compile(r"[A-Za-z_]\w*")
_CONDITIONS = ("fail condition", "filter", "where")
_FORBIDDEN = ("when forbidden column present", "when forbidden group present")
_SAMPLES = ("samples limit", "samples columns")


class _Refusal(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Ready:
    check: ContractCheck
    native: Native
    document: dict[str, Json]


def run_natives(
    checks: Sequence[ContractCheck], connection: duckdb.DuckDBPyConnection, batch: BatchView, context: RunContext
) -> Iterator[Result]:
    """One result for each check: plain checks share a scan, documents of sections have their own.

    Raises:
        EngineError: the connection was interrupted or lost.
    """
    if checks:
        yield from _Run(connection, batch, context).run(checks)


class _Run:
    def __init__(self, connection: duckdb.DuckDBPyConnection, batch: BatchView, context: RunContext) -> None:
        self._connection = connection
        self._batch = batch
        self._context = context
        self._references = _name_references(connection, batch.references)

    def run(self, checks: Sequence[ContractCheck]) -> Iterator[Result]:
        ready: list[_Ready] = []
        for check in checks:
            try:
                ready.append(self._prepare(check))
            except _Refusal as refusal:
                yield Result(check_id=check.id, error=refusal.message, error_hint=refusal.hint, harmless=True)
        together = [each for each in ready if each.native.is_single]
        done: set[str] = set()
        if len(together) > 1:
            scanned = self._scan(_merged(together))
            for each in together if not scanned.problems else ():
                if result := self._judged(each, scanned):
                    done.add(each.check.id)
                    yield result
        yield from (self._alone(each) for each in ready if each.check.id not in done)

    def _scan(self, document: Mapping[str, Json], *, shared: bool = True) -> Scanned:
        from sluicegate_adapters.engines.soda.runtime import scan

        answers = Answers(self._batch.answers, self._batch.schema) if shared else None
        rows = self._context.evidence_rows
        scanned = scan(document, self._connection, self._context.now, evidence_rows=rows, answers=answers)
        raise_if_lost(scanned.problems)
        return scanned

    def _judged(self, each: _Ready, scanned: Scanned) -> Result | None:
        if each.check.id in scanned.unanswered:
            return None
        return verdict(each.check.id, scanned.findings.get(each.check.id, ()))

    def _alone(self, each: _Ready) -> Result:
        """What could not be answered, Soda asks itself: its own error says why."""
        scanned = self._scan(each.document)
        if scanned.problems or scanned.unanswered:
            scanned = self._scan(each.document, shared=False)
        findings = scanned.findings.get(each.check.id, ())
        expected = sum(
            len(items) for header, items in each.document.items() if header.startswith("checks") and isinstance(items, list)
        )
        if len(findings) < expected and not scanned.problems:
            return Result(check_id=each.check.id, error=f"Soda ran {len(findings)} of {expected} checks", harmless=True)
        if not scanned.problems and (result := verdict(each.check.id, findings)):
            return result
        return errored(each.check.id, scanned.problems, _why_not(findings))

    # --- making an entry ready -------------------------------------------------------------------------------------------

    def _prepare(self, check: ContractCheck) -> _Ready:
        assert isinstance(check.promise, NativeCheck)  # noqa: S101 - the engine sorted them
        native = read(check.promise)
        if isinstance(native, Unsupported):
            raise _Refusal(native.reason)
        for config in native.configs:
            self._look_at_names(config, native)
        document: dict[str, Json] = {}
        for header, content in native.sections.items():
            for own, made in self._section(header, content, check.id, native):
                there = document.get(own)
                document[own] = [*there, *made] if isinstance(there, list) and isinstance(made, list) else made
        return _Ready(check, native, document)

    def _look_at_names(self, config: Any, native: Native) -> None:
        for name in (getattr(config, "target_table_name", None), getattr(config, "other_table_name", None)):
            if name is not None:
                self._look_at_table(str(name))
        if not native.is_single:
            return
        known = {name.casefold() for name in self._batch.schema.names}
        for column in columns_of(config):
            name = _unquoted(column)
            if name and "$" not in name and name.casefold() not in known and name.partition(".")[0].casefold() not in known:
                raise _Refusal(f"the batch has no column {name!r}", near_name(name, self._batch.schema.names))

    def _look_at_table(self, name: str) -> None:
        if _unquoted(name).casefold() not in {BATCH, *(known.casefold() for known in self._references)}:
            known = ", ".join(sorted(self._references)) or "none"
            raise _Refusal(f"{_unquoted(name)!r} is no reference of this contract", f"its references: {known}")

    def _section(self, header: str, content: Json, key: str, native: Native) -> Iterator[tuple[str, Json]]:
        """The sections that Soda gets for one of the author's."""
        variables = {"NOW": self._context.now.isoformat(), **_variables(native)}
        if header.startswith(("checks for ", "filter ", "configurations for ")):
            self._look_at_table(header.split(" for " if " for " in header else " ", 1)[1].partition(" [")[0].strip())
        if header.startswith("for each"):
            assert isinstance(content, dict)  # noqa: S101 - Soda parsed it
            alias = header.rsplit(" ", 1)[-1]
            for name in self._datasets(content.get("datasets") or content.get("tables")):
                yield f"checks for {name}", self._checks(content.get("checks"), key, {**variables, alias: name})
        elif header.startswith("checks"):
            yield header, self._checks(content, key, variables)
        else:
            yield header, self._config(content, variables) if isinstance(content, Mapping) else content

    def _datasets(self, patterns: Json) -> list[str]:
        """What ``for each dataset`` goes through. Soda would pass over a name that nothing has, and take every view for a dataset."""
        plain = {view: name for name, view in reversed(self._references.items()) if _WORD.fullmatch(name)}
        known = [BATCH, *reversed(plain.values())]  # one name for each view
        texts = [pattern for pattern in patterns if isinstance(pattern, str)] if isinstance(patterns, list) else []
        excluded = [text.removeprefix("exclude ") for text in texts if text.startswith("exclude ")]
        included = [text.removeprefix("include ") for text in texts if not text.startswith("exclude ")] or ["%"]
        found: list[str] = []
        for pattern in included:
            matching = [name for name in known if _is_like(name, pattern)]
            if not matching:
                self._look_at_table(pattern)
                matching = [pattern]
            found += matching
        kept = [name for name in dict.fromkeys(found) if not any(_is_like(name, pattern) for pattern in excluded)]
        if not kept:
            raise _Refusal("'for each dataset' goes through no dataset at all", f"there are: {', '.join(known)}")
        return kept

    def _checks(self, items: Json, key: str, variables: Mapping[str, object]) -> Json:
        from sluicegate_adapters.engines.soda.runtime import KEY

        keyed: list[Json] = []
        for item in items if isinstance(items, list) else ():
            line, config = line_and_config(item)
            if line == "attributes":
                continue
            config = self._config({name: value for name, value in config.items() if name not in _SAMPLES}, variables)
            if "checks" in config:
                config["checks"] = self._checks(config["checks"], key, variables)
            # The name finds the evidence again; the author's own is in the contract.
            keyed.append({line: {**config, "name": key, "attributes": {KEY: key}}})
        return keyed

    def _config(self, config: Mapping[str, Json], variables: Mapping[str, object]) -> dict[str, Json]:
        return {key: self._setting(key, value, variables) for key, value in config.items()}

    def _setting(self, key: str, value: Json, variables: Mapping[str, object]) -> Json:
        if key in _FORBIDDEN and isinstance(value, list):
            return [_whole(name) if isinstance(name, str) else name for name in value]
        if isinstance(value, Mapping):
            return self._config(value, variables)
        if not isinstance(value, str):
            return value
        if key.endswith("query"):
            return query_text(self._guarded(self._filled(value, variables)))
        if key.endswith("expression"):
            filled = self._filled(value, variables)
            self._guard_part(filled)
            return expression_text(filled)
        if key in _CONDITIONS:
            filled = self._filled(value, variables)
            self._guard_part(filled)
            return expression_text(f"({filled}\n)" if "--" in filled else filled)
        return value

    def _filled(self, sql: str, variables: Mapping[str, object]) -> str:
        if "${" not in sql:
            return sql
        from jinja2 import TemplateError

        from sluicegate_adapters.engines.soda.runtime import render

        try:
            return render(sql, variables)
        except TemplateError as error:
            raise _Refusal(f"a ${{…}} can't be filled: {error}", f"known: {', '.join(sorted(variables))}") from error

    def _guard_part(self, sql: str) -> None:
        """An expression must be one both bare and in parentheses, so that it can't close Soda's own and open others."""
        self._guarded(f"SELECT {sql}\nFROM {BATCH}")
        self._guarded(f"SELECT ({sql}\n) FROM {BATCH}")

    def _guarded(self, sql: str) -> str:
        guarded = guard_query(sql, self._references)
        if isinstance(guarded, Refused):
            raise _Refusal(guarded.message, guarded.hint)
        return guarded


def _name_references(connection: duckdb.DuckDBPyConnection, references: Mapping[str, str]) -> dict[str, str]:
    """Every name that SodaCL may call a reference by -> its view: the dataset's own, and its file's without the suffix.

    SodaCL pastes names into SQL, so each of them becomes a temporary view of this connection alone. A dataset's own name goes
    before a file's, and a file's that several have names none of them.
    """
    stems = [(PurePosixPath(dataset).name.partition(".")[0], view) for dataset, view in references.items()]
    names: dict[str, str] = {}
    taken = {BATCH, *references.values()}  # by no case, and no view may hide another
    for name, view in references.items():
        if name.casefold() not in taken and '"' not in name and name:
            taken.add(name.casefold())
            names[name] = view
    for stem, view in stems:
        alike = {its for other, its in stems if other.casefold() == stem.casefold()}
        if len(alike) == 1 and stem.casefold() not in taken and '"' not in stem and stem:
            taken.add(stem.casefold())
            names[stem] = view
    for name, view in names.items():
        if name != view:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS SELECT * FROM {identifier(view)}")
    return names


def _merged(ready: Sequence[_Ready]) -> dict[str, Json]:
    header = f"checks for {BATCH}"
    lists = (each.document[header] for each in ready)
    return {header: [item for items in lists if isinstance(items, list) for item in items]}


def _variables(native: Native) -> dict[str, object]:
    section = native.sections.get("variables")
    return dict(section) if isinstance(section, Mapping) else {}


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] + name[-1] in {'""', "``", "[]"} else name


def _is_like(name: str, pattern: str) -> bool:
    """As ``LIKE`` with ``%``, whatever the case; ``_`` is itself."""
    return re.fullmatch(".*".join(map(re.escape, pattern.casefold().split("%"))), name.casefold()) is not None


def _whole(name: str) -> str:
    """Soda matches forbidden names as the beginning of a regular expression; written are whole names, with wildcards."""
    return "%".join(re.escape(part) for part in re.split(r"[%*]", name)) + r"\Z"


def _why_not(findings: Sequence[Any]) -> str:
    values = [finding.row[0] if finding.row else finding.value for finding in findings]
    if any(isinstance(value, str | bytes) or hasattr(value, "isoformat") for value in values):
        return "Soda holds numbers only against thresholds, and this figure is none"
    return "there was nothing to measure: no rows, or no values"
