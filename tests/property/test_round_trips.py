"""What is written is read back the same; equal meanings have equal fingerprints, different ones different."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Severity, Tolerance, plain
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.ports.quarantine import Manifest, QuarantineStatus, StoredFile, Transition
from sluicegate.testing.batches import MemoryBatch
from tests.property.strategies import VALUES, Example, examples

words = st.text(max_size=8)
anything = st.one_of(*VALUES.values())


def _check(promise: m.CanonicalCheck, **rest: Any) -> ContractCheck:
    return ContractCheck(id="c", name="c", promise=promise, **rest)


@given(examples())
def test_a_check_as_plain_json_survives_being_written_and_read(example: Example) -> None:
    for check in example.checks:
        document = plain(check)
        assert json.loads(json.dumps(document)) == document


@given(examples(), words, words, st.integers(0, 99))
def test_a_fingerprint_is_about_the_meaning_and_not_the_name_or_place(example: Example, name: str, file: str, line: int) -> None:
    for promise in example.checks:
        here = _check(promise)
        assert ContractCheck(id=name, name=name, promise=promise, file=file, line=line).fingerprint == here.fingerprint
        assert dataclasses.replace(here, severity=Severity.WARNING).fingerprint != here.fingerprint
        assert dataclasses.replace(here, tolerance=Tolerance(rows=1)).fingerprint != here.fingerprint


@given(examples(), examples())
def test_two_checks_share_a_fingerprint_only_if_they_are_the_same(one: Example, other: Example) -> None:
    for a in one.checks:
        for b in other.checks:
            same = type(a) is type(b) and plain(a) == plain(b)
            assert (_check(a).fingerprint == _check(b).fingerprint) is same


@given(st.lists(anything, max_size=3), st.lists(anything, max_size=3))
def test_value_sets_of_another_type_have_another_fingerprint(one: list[Any], other: list[Any]) -> None:
    assume([(type(value).__name__, str(value)) for value in one] != [(type(value).__name__, str(value)) for value in other])
    assume(not any(isinstance(value, float | Decimal) for value in (*one, *other)))  # 0.1 and 0.10 are one number
    first, second = (_check(m.AcceptedValues(column="a", values=tuple(values))).fingerprint for values in (one, other))
    assert first != second


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3))
def test_a_number_has_one_fingerprint_however_it_is_written(number: Decimal) -> None:
    written = [number, number.normalize(), number.quantize(Decimal("0.00001"))]
    assert len({_check(m.AcceptedValues(column="a", values=(value,))).fingerprint for value in written}) == 1


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda native: st.tuples(st.just(native), VALUES[native])))
def test_a_literal_reads_back_as_exactly_that_value(pair: tuple[str, Any]) -> None:
    native, value = pair
    found = (
        MemoryBatch("SELECT 1 AS a")
        .connect()
        .execute(f"SELECT CAST({literal(value)} AS {native}) IS NOT DISTINCT FROM CAST(? AS {native})", [value])
    )
    row = found.fetchone()
    assert row == (True,)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_a_quoted_name_is_that_name(name: str) -> None:
    assert MemoryBatch(f"SELECT 1 AS {identifier(name)}").schema.names == (name,)


transitions = st.builds(Transition, status=st.sampled_from(QuarantineStatus), at=words, by=words, why=words)
times = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
paths = words.map(lambda name: f"data/1/{name}").filter(lambda path: ".." not in path.split("/"))
files = st.builds(StoredFile, path=paths, original=words, bytes=st.integers(0), sha256=words)
manifests = st.builds(
    Manifest, quarantine_id=words, rev=st.integers(0), nonce=words, status=st.sampled_from(QuarantineStatus), attempt=st.integers(0), tenant=words,
    dataset=words, batch_id=words, content_sha256=words, format=words, rows=st.integers(0), files=st.lists(files, max_size=2).map(tuple),
    contract_name=words, contract_version=words, contract_sha256=words, contract_text=words, reason=words,
    verdict=st.dictionaries(words, st.none() | words | st.integers()), created_at=times, expires_at=st.none() | times, lease_until=st.none() | times, owner=st.none() | words,
    history=st.lists(transitions, max_size=3).map(tuple), options=st.dictionaries(words, words),
)  # fmt: skip


@given(manifests)
def test_a_manifest_is_read_back_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.from_json(json.loads(json.dumps(manifest.as_json()))) == manifest


@given(manifests, st.dictionaries(st.text(min_size=1).map("later_".__add__), words, min_size=1))
def test_a_newer_manifest_with_keys_that_are_not_known_here_is_still_read(manifest: Manifest, later: dict[str, str]) -> None:
    assert Manifest.from_json({**manifest.as_json(), **later}) == manifest
