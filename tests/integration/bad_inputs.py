"""Everything that a user can get wrong, as data: what is handed in, the exit code, and words of the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

__all__ = ["BAD_INPUTS", "BadInput", "write_parquet"]

GOOD_SQL = "SELECT i AS id, 'a' || i AS name, i * 1.5 AS amount, [i] AS tags, DATE '2026-01-01' AS day FROM range(10) t(i)"


def write_parquet(path: Path, query: str = GOOD_SQL) -> Path:
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def contract(*checks: str, section: str = "checks", more: str = "") -> str:
    """A contract with these entries in one section of its quality checks."""
    entries = "".join(f"      - {check}\n" for check in checks)
    body = {
        "checks": f"    checks:\n{entries}",
        "soda": f"    soda:\n      engine: soda_core\n      checks:\n{entries.replace('      -', '        -')}",
        "great_expectations": f"    great_expectations:\n      expectation_suite: s\n      checks:\n{entries.replace('      -', '        -')}",
        "custom": f"    custom:\n{entries}",
    }[section]
    return f"data_contract:\n  name: c\n  version: 1.0.0\n  owner: me\n  quality_checks:\n{body}{more}"


GOOD = contract("{type: not_null, column: id}")


def _truncate(path: Path) -> None:
    path.write_bytes(write_parquet(path).read_bytes()[:-200])


def _text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """One mistake.

    Attributes:
        code: the exit code that it must have.
        says: words of the message, all of which must be there.
        contract: the text of contract.yaml; None: there is no such file.
        batch: writes the batch's file.
        file: the batch's name.
        files: more files, by name.
        args: the command line, ``{contract}`` and ``{batch}`` filled.
        environment: variables beside the usual ones.
    """

    name: str
    code: int
    says: tuple[str, ...]
    contract: str | None = GOOD
    batch: Callable[[Path], object] = write_parquet
    file: str = "batch.parquet"
    files: dict[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ("run", "{contract}", "{batch}")
    environment: dict[str, str] = field(default_factory=dict)


def _contract_fault(name: str, text: str | None, *says: str) -> BadInput:
    return BadInput(name=name, code=2, says=says, contract=text)


def _check(
    name: str, entry: str, *says: str, code: int = 3, section: str = "checks", files: dict[str, str] | None = None
) -> BadInput:
    return BadInput(name=name, code=code, says=says, contract=contract(entry, section=section), files=files or {})


PROFILE = "target: {type: parquet}\n"
RULE = {
    "rules/r.py": "import os, sys\n\ndef raises(batch):\n    raise ValueError('secret')\n\ndef returns_text(batch):\n    return 'yes'\n\n"
}
RULE["rules/r.py"] += (
    "def exits(batch):\n    sys.exit(0)\n\ndef nothing(batch):\n    pass\n\ndef forever(batch):\n"
    "    while os.path.exists(__file__):\n        sum(range(9999))\n"  # busy, until the test takes its file away
)

_CONTRACTS = (
    _contract_fault("a contract that isn't there", None, "contract.yaml"),
    _contract_fault("an empty contract", "", "contract.yaml", "empty"),
    _contract_fault("a contract that isn't YAML", "data_contract: [a, b\n", "contract.yaml:"),
    _contract_fault("a contract that is a list", "- a\n- b\n", "contract.yaml"),
    _contract_fault("a contract that is a text", "hello\n", "contract.yaml"),
    _contract_fault("a contract of tabs", "data_contract:\n\tname: c\n", "contract.yaml:2"),
    _contract_fault("another kind of document", "kind: Pod\n", "contract.yaml", "data_contract"),
    _contract_fault("an ODCS contract", "apiVersion: v3.1.0\nkind: DataContract\n", "ODCS"),
    _contract_fault("a duplicate key", GOOD + "  owner: you\n", "contract.yaml:", "owner"),
    _contract_fault("a misspelt key", GOOD.replace("owner:", "ownr:"), "contract.yaml:4:3", "ownr", "owner"),
    _contract_fault("a missing name", GOOD.replace("  name: c\n", ""), "name"),
    _contract_fault("a wrong type", GOOD.replace("name: c", "name: [c]"), "contract.yaml:2", "name"),
    _contract_fault("a missing variable", GOOD.replace("me", "${NOBODY_SET_THIS}"), "contract.yaml:4", "NOBODY_SET_THIS"),
    _contract_fault("an unknown check type", contract("{type: not_nul, column: id}"), "contract.yaml:7", "not_nul", "not_null"),
    _contract_fault("a check without its type", contract("{column: id}"), "contract.yaml:7", "type"),
    _contract_fault("a check without its column", contract("{type: not_null}"), "contract.yaml:7", "column"),
    _contract_fault("an unknown key of a check", contract("{type: not_null, column: id, colour: red}"), "colour"),
    _contract_fault(
        "an unknown engine", contract("{type: not_null, column: id, engine: dukdb}"), "contract.yaml:7", "dukdb", "duckdb"
    ),
    _contract_fault("an unknown severity", contract("{type: not_null, column: id, severity: bad}"), "bad", "error"),
    _contract_fault("a tolerance that isn't one", contract("{type: not_null, column: id, tolerance: lots}"), "tolerance"),
    _contract_fault("a tolerance of more than all", contract("{type: not_null, column: id, tolerance: 150%}"), "150"),
    _contract_fault("a negative tolerance", contract("{type: not_null, column: id, tolerance: -1}"), "tolerance"),
    _contract_fault("bounds that contradict", contract("{type: range, column: id, min: 9, max: 1}"), "contract.yaml:7", "min"),
    _contract_fault("a range without bounds", contract("{type: range, column: id}"), "contract.yaml:7", "min"),
    _contract_fault("bounds of two kinds", contract("{type: range, column: id, min: 1, max: z}"), "contract.yaml:7"),
    _contract_fault("an empty set", contract("{type: accepted_values, column: id, values: []}"), "values"),
    _contract_fault(
        "an aggregate of an unknown function", contract("{type: aggregate, column: id, function: meen, min: 1}"), "meen"
    ),
    _contract_fault(
        "a quantile without its share", contract("{type: aggregate, column: id, function: quantile, min: 1}"), "quantile"
    ),
    _contract_fault("two checks of one name", contract(*["{type: not_null, column: id, name: n}"] * 2), "contract.yaml:8", "n"),
    _contract_fault(
        "an unknown action",
        GOOD + "  violation_handling:\n    on_quality_violation: explode\n",
        "contract.yaml:9",
        "explode",
        "quarantine",
    ),
    _contract_fault("an unknown field type", GOOD + "  schema:\n    - {name: id, type: strnig}\n", "strnig", "string"),
    _contract_fault("an asset that isn't there", GOOD + "  asset_ref: nowhere.yaml\n", "nowhere.yaml"),
    _contract_fault("a rule that names no function", contract("{name: n, function: rules}", section="custom"), "function"),
    _contract_fault(
        "several faults at once", contract("{type: not_null}", "{type: nope, column: id}"), "contract.yaml:7", "contract.yaml:8"
    ),
    BadInput(name="a contract that is a folder", code=2, says=(".",), args=("run", ".", "{batch}")),
    BadInput(
        name="a contract that isn't UTF-8",
        code=2,
        says=("contract.yaml", "UTF-8"),
        args=("run", "{contract}", "{batch}"),
        contract="LATIN",
    ),
)

_BATCHES = (
    BadInput(name="a batch that isn't there", code=2, says=("nowhere.parquet",), args=("run", "{contract}", "nowhere.parquet")),
    BadInput(name="no batch named", code=2, says=("batch",), args=("run", "{contract}")),
    BadInput(name="a glob that matches nothing", code=2, says=("*.csv",), args=("run", "{contract}", "*.csv")),
    BadInput(name="an empty folder", code=2, says=("empty",), batch=lambda path: path.mkdir(), file="empty"),
    BadInput(name="an empty file", code=4, says=("batch.parquet", "empty"), batch=_text("")),
    BadInput(name="a truncated Parquet file", code=4, says=("batch.parquet",), batch=_truncate),
    BadInput(name="a Parquet file that is a text", code=4, says=("batch.parquet",), batch=_text("hello")),
    BadInput(name="an unknown suffix", code=2, says=("batch.xyz", "format"), batch=_text("hello"), file="batch.xyz"),
    BadInput(name="an empty CSV", code=4, says=("batch.csv",), batch=_text(""), file="batch.csv"),
    BadInput(
        name="a CSV with ragged rows", code=4, says=("batch.csv",), batch=_text("id,name\n1,a\n2,b,c,d\n"), file="batch.csv"
    ),
    BadInput(name="a CSV that repeats a column", code=4, says=("batch.csv",), batch=_text("id,id\n1,2\n"), file="batch.csv"),
    BadInput(name="JSON that isn't", code=4, says=("batch.json",), batch=_text('{"id": 1'), file="batch.json"),
    BadInput(name="a gz that isn't", code=4, says=("batch.csv.gz",), batch=_text("id\n1\n"), file="batch.csv.gz"),
    BadInput(name="an Arrow file that isn't", code=4, says=("batch.arrow",), batch=_text("hello"), file="batch.arrow"),
    BadInput(name="a format nobody knows", code=2, says=("xml",), args=("run", "{contract}", "{batch}", "--format", "xml")),
    BadInput(name="a wrong format", code=4, says=("batch.parquet",), args=("run", "{contract}", "{batch}", "--format", "arrow")),
    BadInput(
        name="a batch_id that is a path", code=2, says=("../x",), args=("run", "{contract}", "{batch}", "--batch-id", "../x")
    ),
    BadInput(
        name="a reference dataset that isn't there",
        code=2,
        says=("nowhere.parquet",),
        contract=contract("{type: reference, columns: [id], dataset: nowhere.parquet, reference_columns: [id]}"),
    ),
)

_CHECKS = (
    _check("an unknown column", "{type: not_null, column: idd}", "idd", "id"),
    _check("a regex that doesn't compile", '{type: pattern, column: name, pattern: "("}', code=2),
    _check("a regex on a number", '{type: pattern, column: id, pattern: "1"}', "id", "pattern"),
    _check("a unique check on a list", "{type: unique, columns: [tags]}", "tags", "unique"),
    _check("numbers held against a text", "{type: range, column: name, min: 1}", "name"),
    _check("text held against a number", "{type: accepted_values, column: id, values: [a]}", "id"),
    _check("the freshness of a number", "{type: freshness, column: id, max_age_hours: 1}", "id", "freshness"),
    _check("the mean of a text", "{type: aggregate, column: name, function: mean, min: 1}", "name", "mean"),
    _check("SQL that isn't", '{type: row_expression, expression: "id >"}', code=3),
    _check("SQL that changes things", '{type: metric_query, query: "DROP VIEW batch", min: 0}'),
    _check("SQL that reads a file", "{type: metric_query, query: \"SELECT count(*) FROM '/etc/passwd'\", min: 0}"),
    _check("SQL of an unknown column", '{type: row_expression, expression: "nope > 1"}', "nope"),
    _check("SodaCL that isn't", '"missing_count(id = 0"', "missing_count(id = 0", code=4, section="soda"),
    _check("SodaCL of an unknown column", '"missing_count(nope) = 0"', "nope", section="soda"),
    _check(
        "an unknown expectation",
        "{name: expect_colum_to_exist, column: id}",
        "expect_colum_to_exist",
        code=4,
        section="great_expectations",
    ),
    _check(
        "an expectation with wrong arguments",
        "{name: expect_column_values_to_be_between, column: id, minn: 1}",
        "minn",
        code=4,
        section="great_expectations",
    ),
    _check(
        "an expectation of an unknown column",
        "{name: expect_column_values_to_not_be_null, column: nope}",
        "nope",
        section="great_expectations",
    ),
    _check("a rule that isn't there", "{name: n, function: 'nowhere:f'}", "nowhere", section="custom", files=RULE),
    _check("a rule's function that isn't there", "{name: n, function: 'r:nope'}", "nope", section="custom", files=RULE),
    _check("a rule that raises", "{name: n, function: 'r:raises'}", "ValueError", code=3, section="custom", files=RULE),
    _check("a rule that returns a text", "{name: n, function: 'r:returns_text'}", "str", section="custom", files=RULE),
    _check("a rule that returns nothing", "{name: n, function: 'r:nothing'}", "nothing", section="custom", files=RULE),
    _check("a rule that exits", "{name: n, function: 'r:exits'}", "SystemExit", section="custom", files=RULE),
    BadInput(
        name="a rule that never returns",
        code=5,
        says=("longer than 0.2 s", "timeout_seconds"),
        contract=contract("{name: n, function: 'r:forever'}", section="custom"),
        files=RULE | {"profile.yaml": "timeout_seconds: 0.2\n"},
        args=("--config", "profile.yaml", "run", "{contract}", "{batch}"),
    ),
)

_CALLS = (
    BadInput(name="a misspelt verb", code=2, says=("rnu", "run"), args=("rnu", "{contract}")),
    BadInput(name="no arguments", code=2, says=("CONTRACT",), args=("run",)),
    BadInput(
        name="a misspelt option",
        code=2,
        says=("--batchid", "--batch-id"),
        args=("run", "{contract}", "{batch}", "--batchid", "x"),
    ),
    BadInput(name="a clock that isn't", code=2, says=("--now", "noon"), args=("run", "{contract}", "{batch}", "--now", "noon")),
    BadInput(
        name="a profile that isn't there", code=2, says=("no.yaml",), args=("--config", "no.yaml", "run", "{contract}", "{batch}")
    ),
    BadInput(
        name="a profile with an unknown key",
        code=2,
        says=("p.yaml:1:1", "tarrget", "target"),
        files={"p.yaml": "tarrget: {}\n"},
        args=("--config", "p.yaml", "run", "{contract}", "{batch}"),
    ),
    BadInput(
        name="a profile with an unknown target",
        code=2,
        says=("parqet", "parquet"),
        files={"p.yaml": "target: {type: parqet, path: x}\n"},
        args=("--config", "p.yaml", "run", "{contract}", "{batch}"),
    ),
    BadInput(
        name="a target that can't be written",
        code=6,
        says=("/proc/nowhere",),
        files={"p.yaml": "target: {type: parquet, path: /proc/nowhere}\n"},
        args=("--config", "p.yaml", "run", "{contract}", "{batch}"),
    ),
    BadInput(name="a quarantine ID that isn't there", code=2, says=("q-nope",), args=("quarantine", "show", "q-nope")),
    BadInput(name="a run ID that isn't there", code=2, says=("r-nope",), args=("history", "r-nope")),
)

BAD_INPUTS = (*_CONTRACTS, *_BATCHES, *_CHECKS, *_CALLS)
