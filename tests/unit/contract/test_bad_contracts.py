"""Everything that can be wrong with a contract file: where, what, and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.contract.loader import load_contract
from sluicegate.errors import ContractError

HEAD = "data_contract:\n  name: orders\n  version: 1.0.0\n  owner: me\n"  # four lines: what follows begins in line 5
CHECKS = HEAD + "  quality_checks:\n    checks:\n"  # what follows begins in line 7
SODA = HEAD + "  quality_checks:\n    soda:\n      checks:\n"  # line 8
GX = HEAD + "  quality_checks:\n    great_expectations:\n      checks:\n"  # line 8
CUSTOM = HEAD + "  quality_checks:\n    custom:\n"  # line 7
SCHEMA = HEAD + "  schema:\n"  # line 6

WHOLE_FILE = [
    ("", "", "is empty", "contract init"),
    ("   \n\n", "", "is empty", "contract init"),
    ("# only a comment\n", "1:1", "is a mapping, not nothing", "data_contract"),
    ("just a text", "1:1", "is a mapping, not a text", "data_contract"),
    ("- a\n- b\n", "1:1", "is a mapping, not a list", "data_contract"),
    ("data_contract:\n", "1:1", "has nothing below it", "indent"),
    ("asset:\n", "1:1", "has nothing below it", "indent"),
    ("data_contract: 5\n", "1:16", "expected a mapping, not a number", ""),
    ("data_contracts:\n  name: x\n", "1:1", "neither a contract nor an asset nor a job", "did you mean 'data_contract'?"),
    ("asett:\n  name: x\n", "1:1", "neither a contract nor an asset nor a job", "did you mean 'asset'?"),
    ("name: x\nquality_checks: {}\n", "1:1", "the top key 'data_contract' is missing", "indent"),
    ("apiVersion: v3.1.0\nkind: DataContract\nname: x\n", "1:13", "ODCS v3.1.0", "native format"),
    ("kind: DataContract\n", "1:1", "ODCS contract", "native format"),
    ("a: [1, 2\nb: 3", "2:2", "is not YAML", ""),
    ("a: b: c", "1:5", "is not YAML", "quotes"),
    ("a: {b: ${C}}", "1:9", "is not YAML", "quote a variable"),
    ("a: [b, ${C}]", "1:9", "is not YAML", "quote a variable"),
    ("a:\n\t- b", "2:1", "is not YAML", "spaces, not tabs"),
    ("a: *nowhere", "1:4", "no finished anchor", "quote"),
    ("a: &a [*a]", "1:8", "no finished anchor", ""),
    ("a: 1\na: 2", "2:1", "the key 'a' stands twice", "first in line 1"),
    ("a: {b: 1, b: 2}", "1:11", "the key 'b' stands twice", "first in line 1"),
    ("a: 1\n---\nb: 1", "2:1", "a second document begins", "one contract per file"),
    ("a: !!python/object:os.system x", "1:4", "tag", "plain value"),
    ("a: !secret x", "1:4", "tag", "plain value"),
    ("? [a]\n: 1", "1:3", "a key must be a text", "quote"),
    ("a:\n  : 1", "2:3", "is not YAML", ""),
    ("<<: 5\na: 1", "1:5", "merges mappings, not a number", ""),
    ("a: \x07", "1:4", "is not YAML", "text file"),
    ("a: 007", "1:4", "octal", "quote it"),
    ("a: 2013-02-30", "1:4", "no such date", "quote it"),
    ("a: 2013-02-01T25:00:00", "1:4", "no such timestamp", "quote it"),
    ("a: 1e999999", "1:4", "beyond any number", ""),
    ("a: " + "9" * 400, "1:4", "400 digits", "quote it"),
    ("[" * 60, "1:41", "nested deeper than 40 levels", ""),
    ("a: &a [" + "1," * 300 + "]\nb: &b [" + "*a," * 300 + "]", "2:4", "unfolds to more", "aliases"),
]

DOCUMENT = [
    (HEAD.replace("  name: orders\n", ""), "2:3", "the key 'name' is missing", ""),
    (HEAD.replace("  version: 1.0.0\n", ""), "2:3", "the key 'version' is missing", ""),
    (HEAD.replace("orders", '""'), "2:9", "'name' has no value", ""),
    (HEAD.replace("orders", ""), "2:8", "'name' has no value", ""),
    (HEAD.replace("orders", "[a]"), "2:9", "'name' must be a text, not a list", ""),
    (HEAD.replace("orders", "true"), "2:9", "'name' must be a text, not true or false", "quote it"),
    (HEAD + "  stauts: active\n", "5:3", "unknown key 'stauts'", "did you mean 'status'?"),
    (HEAD + "  status: activ\n", "5:11", "must be one of active, deprecated, sunset", "did you mean 'active'?"),
    (HEAD + "  references: [a]\n", "5:15", "'references' must be a mapping", ""),
    (HEAD + "  references: {planes: [a.csv]}\n", "5:24", "'planes' must be a text", ""),
    (HEAD + "  references: {planes: }\n", "5:24", "'planes' has no value", ""),
    (HEAD + "  references: {my planes: p.csv}\n", "5:16", "'my planes' can't name a reference", "letters, digits"),
    (HEAD + "  references: {'p; DROP': p.csv}\n", "5:16", "can't name a reference", "letters, digits"),
    (HEAD + "  references: {_p: p.csv}\n", "5:16", "can't name a reference", "a letter first"),
    (HEAD + "  references: {Batch: p.csv}\n", "5:16", "a name of the gate's own", "another name"),
    (HEAD + "  references: {reference_0: p.csv}\n", "5:16", "a name of the gate's own", "another name"),
    (HEAD + "  references: {planes: p.csv, Planes: q.csv}\n", "5:31", "differ by case alone", "knows no case"),
    (HEAD + "  status: sunset\n", "5:11", "is sunset", "successor"),
    (HEAD + "  tags: {a: 1}\n", "5:9", "'tags' must be a list", "[a, b]"),
    (HEAD + "  schema_contract: {strict_mode: perhaps}\n", "5:34", "must be true or false", ""),
    (HEAD + "  schema_contract: {strict_mode: 'true'}\n", "5:34", "must be true or false", "remove the quotes"),
    (HEAD + "  schema_contract: {strict: true}\n", "5:21", "unknown key 'strict'", "did you mean 'strict_mode'?"),
    (HEAD + "  sla: {freshness: {column: a}}\n", "5:20", "the key 'max_age_hours' is missing", ""),
    (HEAD + "  sla: {freshness: {max_age_hours: soon}}\n", "5:36", "'max_age_hours' must be a number", ""),
    (HEAD + "  sla: {freshness: {max_age_hours: '24'}}\n", "5:36", "'max_age_hours' must be a number", "remove the quotes"),
    (HEAD + "  sla: {freshness: {max_age_hours: -1}}\n", "5:36", "must be at least 0", ""),
    (HEAD + "  sla: {completeness: {min_records_per_day: 1.5}}\n", "5:45", "must be a whole number", ""),
    (HEAD + "  sla: {availability: {uptime_percentage: 101}}\n", "5:43", "must be at most 100", ""),
    (HEAD + "  violation_handling: {on_quality_violation: delete}\n", "5:46", "must be one of block, quarantine, warn", ""),
    (HEAD + "  violation_handling: {on_qualty_violation: warn}\n", "5:24", "unknown key", "did you mean 'on_quality_violation'?"),
    (
        HEAD + "  violation_handling: {quarantine: {max_quarantined: many}}\n",
        "5:54",
        "'max_quarantined' must be a number of rows",
        "5, or 0.5%",
    ),
    (
        HEAD + "  violation_handling: {quarantine: {max_quarantined: 101 %}}\n",
        "5:54",
        "must be a number of rows or a percentage",
        "",
    ),
    (
        HEAD + "  violation_handling: {quarantine: {max_quarantined: -1}}\n",
        "5:54",
        "must be a number of rows or a percentage",
        "",
    ),
    (HEAD + "  violation_handling: {quarantine: {scope: table}}\n", "5:44", "must be one of batch, rows", ""),
    (HEAD + "  violation_handling: {quarantine: {retention_days: -3}}\n", "5:53", "must be at least 0", ""),
    (HEAD + "  enforcement_mode: lenient\n", "5:21", "must be one of strict, warn, disabled", ""),
    (HEAD + "  asset_ref: missing.yaml\n", "5:14", "there is no file", "relative paths"),
    (HEAD + "  asset_ref: [a]\n", "5:14", "must be a text", ""),
    (HEAD + "  description: ${NOT_SET}\n", "5:16", "the environment variable NOT_SET is not set", "${NOT_SET:-…}"),
    (HEAD + "  description: ${EMPTY}\n", "5:16", "the environment variable EMPTY is empty", "default"),
    (HEAD + "  description: ${1}\n", "5:16", "is not a variable", "$${"),
    (HEAD + "  description: a ${OPEN\n", "5:16", "is not a variable", "$${"),
    (HEAD + "  quality_checks: []\n", "5:19", "expected a mapping, not a list", ""),
    (HEAD + "  quality_checks: {chekcs: []}\n", "5:20", "unknown key 'chekcs'", "did you mean 'checks'?"),
    (HEAD + "  quality_checks: {allow_empty: 1}\n", "5:33", "must be true or false", ""),
    (HEAD + "name: twice\n", "5:1", "stands below 'data_contract' and beside it", "keep one"),
]

COLUMNS = [
    (HEAD + "  schema: []\n", "5:11", "must not be empty", ""),
    (HEAD + "  schema: {fields: []}\n", "5:20", "must not be empty", ""),
    (HEAD + "  schema: orders.json\n", "5:11", "expected a mapping", ""),
    (SCHEMA + "    - {type: integer}\n", "6:7", "the key 'name' is missing", ""),
    (SCHEMA + "    - id\n", "6:7", "expected a mapping, not a text", ""),
    (SCHEMA + "    - {name: id, typ: integer}\n", "6:18", "unknown key 'typ'", "did you mean 'type'?"),
    (SCHEMA + "    - {name: id, type: strnig}\n", "6:24", "no type is called 'strnig'", "did you mean 'string'?"),
    (SCHEMA + "    - {name: id, type: list<strnig>}\n", "6:24", "no type is called 'strnig'", "did you mean 'string'?"),
    (SCHEMA + "    - {name: id}\n    - {name: id}\n", "7:14", "declared twice", "first in line 6"),
    (SCHEMA + "    - {name: id, required: true, nullable: true}\n", "6:44", "at once", "keep 'required'"),
    (SCHEMA + "    - {name: id, optional: true, required: true}\n", "6:28", "may be absent, and yet is required", ""),
    (SCHEMA + "    - {name: id, optional: true, unique: true}\n", "6:28", "may be absent, and yet is unique", ""),
]

CANONICAL = [
    ("- range", "7:3", "a check is a mapping with a 'type'", "type: range"),
    ("- {column: a, min: 1}", "7:3", "this check has no 'type'", ""),
    ("- {type: rnage, column: a, min: 1}", "7:10", "no check is called 'rnage'", "did you mean 'range'?"),
    ("- {type: 5}", "7:10", "no check is called", ""),
    ("- {rnage: {column: a}}", "7:4", "no check is called 'rnage'", "did you mean 'range'?"),
    ("- range: 5", "7:10", "the keys of 'range' must be a mapping", ""),
    ("- {type: range, colum: a, min: 1}", "7:17", "unknown key 'colum'", "did you mean 'column'?"),
    ("- {type: range, min: 1}", "7:3", "the key 'column' is missing", ""),
    ("- {type: range, column: a}", "7:3", "tests nothing", ""),
    ("- {type: range, column: a, min: 5, max: 1}", "7:33", "nothing lies in", ""),
    ("- {type: range, column: a, min: 1, max: 1, max_inclusive: false}", "7:33", "nothing lies in", ""),
    ("- {type: range, column: a, min: 1, max: b}", "7:41", "min is a number and max a text", ""),
    ("- {type: range, column: a, min: 2013-01-02, max: 2013-01-01}", "7:33", "nothing lies in", ""),
    ("- {type: range, column: a, min: now, max: 1 hour ago}", "7:33", "nothing lies in", ""),
    ("- {type: range, column: a, min: .nan}", "7:33", "must be finite", ""),
    ("- {type: range, column: a, min: [1]}", "7:33", "must be a single value", ""),
    ("- {type: range, column: a, min: true}", "7:33", "must be a number, a text, a date or a time", ""),
    ("- {type: range, column: a, max: 1, min_inclusive: false}", "7:51", "no 'min' to go with", ""),
    ("- {type: range, column: a, min: 1, min_value: 2}", "7:36", "say the same thing", "keep one"),
    ("- {type: range, column: a, columns: [b], min: 1}", "7:28", "say the same thing", "keep one"),
    ("- {type: not_null, columns: []}", "7:29", "at least one column", ""),
    ("- {type: not_null, columns: [a, a]}", "7:33", "stands twice", ""),
    ("- {type: not_null, column: [a]}", "7:28", "must be a text, not a list", ""),
    ("- {type: unique, columns: []}", "7:27", "at least one column", ""),
    ("- {type: unique, columns: [a, a]}", "7:27", "stands twice", ""),
    ("- {type: accepted_values, column: a, values: []}", "7:46", "accepts no value", ""),
    ("- {type: accepted_values, column: a, values: [x, null]}", "7:50", "must not contain null", "not_null"),
    ("- {type: accepted_values, column: a, values: x}", "7:46", "must be a list", "[a, b]"),
    ("- {type: accepted_values, column: a, values: [[x]]}", "7:47", "must be a single value", ""),
    ("- {type: rejected_values, column: a, values: []}", "7:46", "rejects nothing", ""),
    ("- {type: pattern, column: a, pattern: '(['}", "7:39", "the regular expression is broken", "backslash"),
    ("- {type: pattern, column: a, pattern: ''}", "7:39", "has no value", ""),
    ("- {type: length, column: a}", "7:3", "tests nothing", ""),
    ("- {type: length, column: a, min: -1}", "7:34", "no text has -1 characters", ""),
    ("- {type: length, column: a, min: 3, max: 2}", "7:34", "nothing is between", ""),
    ("- {type: completeness, column: a, min_percent: 101}", "7:48", "not between 0 and 100", ""),
    ("- {type: completeness, column: a, min_percent: 0.95}", "7:48", "is a share", "write 95"),
    ("- {type: column_comparison, left: a, operator: '>>', right: b}", "7:48", "must be one of =, !=", ""),
    ("- {type: column_comparison, left: a, operator: '>', right: a}", "7:60", "compared with itself", ""),
    ("- {type: reference, columns: [a, b], dataset: x.csv, reference_columns: [c]}", "7:73", "2 columns refer to 1", ""),
    ("- {type: schema, columns: []}", "7:27", "at least one column", ""),
    ("- {type: schema, columns: [a], optional_columns: [a]}", "7:50", "both required and optional", ""),
    ("- {type: column_type, column: a, data_type: nubmer}", "7:45", "no type is called", ""),
    ("- {type: column_type, column: a}", "7:3", "the key 'data_type' is missing", ""),
    ("- {type: row_count}", "7:3", "tests nothing", ""),
    ("- {type: row_count, min: 1.5}", "7:26", "whole number", ""),
    ("- {type: row_count, min: -1}", "7:26", "whole number from 0", ""),
    ("- {type: row_count, min: 1, window_hours: 0}", "7:43", "longer than 0 hours", ""),
    ("- {type: freshness, column: a, max_age_hours: -2}", "7:47", "not negative", ""),
    ("- {type: aggregate, column: a, function: average, min: 1}", "7:42", "must be one of min, max, mean", ""),
    ("- {type: aggregate, column: a, function: quantile, min: 1}", "7:42", "needs 'quantile'", "0.95"),
    ("- {type: aggregate, column: a, function: quantile, quantile: 95, min: 1}", "7:62", "not a share", ""),
    ("- {type: aggregate, column: a, function: mean, quantile: 0.5, min: 1}", "7:58", "has no meaning for mean", ""),
    ("- {type: metric_query, query: SELECT 1}", "7:3", "tests nothing", ""),
    ("- {type: drift, metric: mean, threshold: 3}", "7:3", "needs a 'column'", ""),
    ("- {type: drift, metric: row_count, column: a, threshold: 3}", "7:44", "about no column", ""),
    ("- {type: drift, metric: row_count, threshold: 0}", "7:47", "greater than 0", ""),
    ("- {type: drift, metric: row_count, threshold: 3, min_runs: 1}", "7:60", "no deviation", ""),
    ("- {type: drift, metric: row_count, threshold: 3, window_runs: 2}", "7:63", "always skipped", ""),
    ("- {type: not_null, column: a, severity: critical}", "7:41", "must be one of error, warning, info", ""),
    ("- {type: not_null, column: a, severity: warn}", "7:41", "must be one of error, warning, info", "did you mean 'warning'?"),
    ("- {type: not_null, column: a, tolerance: 0.01}", "7:42", "a number of rows or a percentage", "0.5%"),
    ("- {type: not_null, column: a, tolerance: -1}", "7:42", "a number of rows or a percentage", ""),
    ("- {type: not_null, column: a, tolerance: 101%}", "7:42", "a number of rows or a percentage", ""),
    ("- {type: not_null, column: a, tolerance: {}}", "7:42", "must name 'rows', 'percent' or both", ""),
    ("- {type: not_null, column: a, tolerance: {row: 5}}", "7:43", "unknown key 'row'", "did you mean 'rows'?"),
    ("- {type: not_null, column: a, tolerance: {percent: 101}}", "7:52", "must be at most 100", ""),
    ("- {type: not_null, column: a, warn_tolerance: 5}", "7:47", "needs a tolerance above it", "severity: warning"),
    ("- {type: not_null, column: a, tolerance: 5, warn_tolerance: 6}", "7:61", "greater than tolerance", ""),
    ("- {type: row_count, min: 1, tolerance: 5}", "7:40", "counts no rows", "bounds"),
    ("- {type: completeness, column: a, min_percent: 90, tolerance: 5}", "7:63", "min_percent", "not_null"),
    (
        "- {type: not_null, column: a, name: x}\n- {type: not_null, column: b, name: x}",
        "8:3",
        "two checks are called 'x'",
        "line 7",
    ),
    ("- {type: not_null, column: a, name: ''}", "7:37", "'name' has no value", ""),
]

SECTIONS = [
    (HEAD + "  quality_checks: {soda: {engine: spark, checks: []}}\n", "5:35", "this section is for soda", ""),
    (HEAD + "  quality_checks: {soda: {}}\n", "5:26", "the key 'checks' is missing", ""),
    (SODA + "        - {a: 1, b: 2}\n", "8:11", "not a mapping of 2 keys", "indent"),
    (SODA + "        - [a]\n", "8:11", "not a list", ""),
    (SODA + "        - 5\n", "8:11", "not a number", ""),
    (SODA + "        - ''\n", "8:11", "not a text", ""),
    (SODA + "        - {checks for batch: [row_count > 0], b: 2}\n", "8:47", "unknown key 'b'", "severity"),
    (SODA + "        - {checks for batch: [row_count > 0], name: [x]}\n", "8:53", "'name' must be a text", ""),
    (SODA + "        - {type: regexp, column: a}\n", "8:18", "no check is called 'regexp'", "did you mean 'regex'?"),
    (
        SODA + "        - {type: regex, column: a, pattern: b, engine: duckdb}\n",
        "8:56",
        "this section is for soda, not for duckdb",
        "",
    ),
    (SODA + "        - missing_count(a) = 0: {severity: bad}\n", "8:44", "must be one of error, warning, info", ""),
    (HEAD + "  quality_checks: {great_expectations: {engine: soda, checks: []}}\n", "5:49", "for great_expectations", ""),
    (HEAD + "  quality_checks: {great_expectations: {}}\n", "5:40", "tests nothing", ""),
    (HEAD + "  quality_checks: {great_expectations: {expectation_suite: s}}\n", "5:60", "only a name", "JSON file"),
    (HEAD + "  quality_checks: {great_expectations: {expectation_suite: s.json}}\n", "5:60", "no suite file", "relative"),
    (GX + "        - {column: a}\n", "8:11", "has no 'name'", "name: expect_"),
    (GX + "        - expect_x\n", "8:11", "is a mapping with a 'name'", ""),
    (GX + "        - {name: not_null, column: a}\n", "8:18", "no expectation is called 'not_null'", "quality_checks.checks"),
    (GX + "        - {name: column_values, column: a}\n", "8:18", "no expectation is called", "expect_"),
    (GX + "        - {name: expect_a, kwargs: 5}\n", "8:36", "'kwargs' must be a mapping", ""),
    (GX + "        - {name: expect_a, kwargs: {column: a}, column: b}\n", "8:49", "stands beside 'kwargs' and in it", ""),
    (CUSTOM + "      - {name: x}\n", "7:9", "the key 'function' is missing", ""),
    (CUSTOM + "      - {function: 'a b'}\n", "7:20", "names no function", "module:function"),
    (CUSTOM + "      - {function: justone}\n", "7:20", "names no function", "module:function"),
    (CUSTOM + "      - {function: 'a:b', params: [1]}\n", "7:35", "'params' must be a mapping", ""),
    (CUSTOM + "      - {function: 'a:b', parms: {}}\n", "7:27", "unknown key 'parms'", "did you mean 'params'?"),
]


def _faults(text: str, folder: Path) -> list[tuple[str, str, str]]:
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_contract(path, environ={"EMPTY": ""})
    assert all(fault.file == str(path) for fault in caught.value.faults)
    return [(f"{fault.line}:{fault.column}" if fault.line else "", fault.message, fault.hint) for fault in caught.value.faults]


def _indented(entry: str) -> str:
    """Checks at column 3, in line 7."""
    return "data_contract:\n name: orders\n version: 1.0.0\n owner: me\n quality_checks:\n  checks:\n" + "".join(
        f"  {line}\n".replace("  - ", "  - ", 1) for line in entry.split("\n")
    )


@pytest.mark.parametrize(("text", "place", "message", "hint"), [*WHOLE_FILE, *DOCUMENT, *COLUMNS, *SECTIONS])
def test_a_bad_contract_is_told_where_what_and_how_to_cure_it(
    text: str, place: str, message: str, hint: str, tmp_path: Path
) -> None:
    faults = _faults(text, tmp_path)
    assert [fault for fault in faults if fault[0] == place and message in fault[1] and hint in fault[2]], faults


@pytest.mark.parametrize(("entry", "place", "message", "hint"), CANONICAL)
def test_a_bad_check_is_told_where_what_and_how_to_cure_it(
    entry: str, place: str, message: str, hint: str, tmp_path: Path
) -> None:
    line, column = place.split(":")
    faults = _faults(_indented(entry), tmp_path)
    wanted = f"{line}:{int(column) + 2}"
    assert [fault for fault in faults if fault[0] == wanted and message in fault[1] and hint in fault[2]], (wanted, faults)


def test_all_faults_of_a_contract_are_told_at_once(tmp_path: Path) -> None:
    text = HEAD + (
        "  stauts: active\n"
        "  description: ${NOT_SET}\n"
        "  schema: [{name: id, type: strnig}]\n"
        "  sla: {freshness: {max_age_hours: soon}}\n"
        "  quality_checks:\n    checks:\n      - {type: rnage}\n      - {type: range, column: a, min: 2, max: 1}\n"
    )
    lines = [place.partition(":")[0] for place, _, _ in _faults(text, tmp_path)]
    assert lines == ["5", "6", "7", "8", "11", "12"]


def test_a_value_from_the_environment_never_stands_in_a_message(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(HEAD + "  status: ${SECRET}\n  sla: {freshness: {max_age_hours: '${SECRET}'}}\n", encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_contract(path, environ={"SECRET": "hunter2"})
    assert len(caught.value.faults) == 2
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_has_a_hint_of_what_is(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(HEAD, encoding="utf-8")
    with pytest.raises(ContractError, match=r"contrct\.yaml: there is no such file \(did you mean 'contract\.yaml'\?\)"):
        load_contract(tmp_path / "contrct.yaml")
    with pytest.raises(ContractError, match="nor is there a folder"):
        load_contract(tmp_path / "nowhere" / "contract.yaml")


def test_a_folder_is_no_contract(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="this is a folder, not a file"):
        load_contract(tmp_path)


def test_bytes_that_are_not_utf8_have_a_place(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_bytes("data_contract:\n  name: café\n".encode("latin-1"))
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert (caught.value.faults[0].line, caught.value.faults[0].column) == (2, 12)
    assert "0xe9 is not UTF-8" in caught.value.faults[0].message


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text("a: b\n" * 300_000, encoding="utf-8")
    with pytest.raises(ContractError, match="larger than 1024 KiB"):
        load_contract(path)


def test_a_path_that_no_file_can_have_is_a_fault() -> None:
    with pytest.raises(ContractError, match="can't be read"):
        load_contract("a\x00b.yaml")
    with pytest.raises(ContractError):
        load_contract("x" * 5000)


def test_an_endless_file_is_refused_without_reading_it_all() -> None:
    with pytest.raises(ContractError, match="larger than 1024 KiB"):
        load_contract("/dev/zero")


def test_many_faults_are_told_in_little_time(tmp_path: Path) -> None:
    faults = _faults(SCHEMA + "    - 1\n" * 20_000, tmp_path)
    assert len(faults) == 20_000
