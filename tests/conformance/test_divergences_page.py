from fnmatch import fnmatchcase

import pytest

from sluicegate.testing.cases import CASES
from sluicegate.testing.engines import Divergence
from tests.conformance.declared import DECLARED
from tests.conformance.divergences_page import PAGE, page


def test_the_page_of_divergences_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.conformance.divergences_page"


@pytest.mark.parametrize("item", [item for items in DECLARED.values() for item in items], ids=lambda item: item.cases)
def test_a_declaration_is_about_some_case_and_has_a_reason(item: Divergence) -> None:
    assert any(fnmatchcase(case.id, item.cases) for case in CASES)
    assert item.reason.strip()
    assert item.kind in {"notimpl", "notyet", "never"}


def test_every_case_has_an_id_of_its_own_and_every_check_has_cases() -> None:
    from sluicegate.checks.model import CANONICAL_TYPES

    assert len({case.id for case in CASES}) == len(CASES)
    assert {case.check.type_name for case in CASES} == set(CANONICAL_TYPES)
