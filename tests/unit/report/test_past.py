from __future__ import annotations

from sluicegate.report.chart import caption, svg
from sluicegate.report.model import past_of
from tests.unit.report.samples import check, facts, record


def test_the_past_is_oldest_first_and_ends_with_this_run() -> None:
    earlier = [record(6, check("a", "failed", failing=4)), record(5, check("a"))]  # newest first, as the history has them
    (points,) = past_of(facts(check("a", "failed")), earlier).values()
    assert [point.figure for point in points] == [0, 2, 3.5]
    assert [point.batch_id for point in points] == ["day 5", "day 6", "b-7"]


def test_refused_batches_are_marked_and_released_or_split_ones_are_not() -> None:
    earlier = [
        record(6, check("a"), action="split", decision="quarantine"),
        record(5, check("a"), action="committed", decision="quarantine"),  # released
        record(4, check("a"), action="checked", decision="block"),
        record(3, check("a"), action="quarantined", decision="quarantine"),
    ]
    (points,) = past_of(facts(check("a", "failed")), earlier).values()
    assert [point.refused for point in points] == [True, True, False, False, True]
    split = past_of(facts(check("a", "failed"), action="split", split={"rows_committed": 193}), ())
    assert [point.refused for point in split["print of a"]] == [False]


def test_a_figure_that_is_masked_today_is_not_dug_out_of_the_past() -> None:
    earlier = [record(6, check("mean", rows=None, failing=None, value=81_000.5))]
    masked = check("mean", rows=None, failing=None, value="***")
    gone = check("mean", "errored", rows=None, failing=None, value=None)
    shown = check("mean", rows=None, failing=None, value=81_200)
    assert past_of(facts(masked), earlier) == {}
    assert past_of(facts(gone), earlier) == {}
    assert [point.figure for point in past_of(facts(shown), earlier)["print of mean"]] == [81_000.5, 81_200]


def test_runs_without_this_check_or_without_a_verdict_leave_no_gap() -> None:
    earlier = [record(6), record(5, check("other")), record(4, check("a"))]
    assert len(past_of(facts(check("a")), earlier)["print of a"]) == 2


def test_two_checks_that_mean_the_same_have_one_past() -> None:
    twin = check("b", fingerprint="print of a")
    assert len(past_of(facts(check("a"), twin), [record(6, check("a"), twin)])["print of a"]) == 2


def test_an_empty_batch_fails_in_no_part() -> None:
    assert past_of(facts(check("a", rows=0, failing=0)), ())["print of a"][0].figure == 0


def test_the_drawing_holds_numbers_only_and_a_cross_for_each_refused_batch() -> None:
    earlier = [record(6, check("a", "failed", failing=200), action="blocked", decision="block"), record(5, check("a"))]
    points = past_of(facts(check("a", "failed"), action="committed"), earlier)["print of a"]
    drawn = svg(points)
    assert drawn.count("m-3.5-3.5") == 1
    assert drawn.count('class="last"') == 1
    assert "text" not in drawn
    assert caption(points, share=True) == (
        "Share of failing rows in the last 3 batches: 0\xa0% to 100\xa0%, now 3.5\xa0%; 1 refused batch marked with a cross."
    )


def test_a_share_that_would_be_rounded_to_nothing_is_not_called_nothing() -> None:
    points = past_of(facts(check("a", "failed", rows=10_000_000, failing=1)), ())["print of a"]
    assert "now under 0.01\xa0%" in caption(points, share=True)


def test_a_figure_beyond_what_can_be_drawn_is_left_out() -> None:
    assert past_of(facts(check("sum", rows=None, failing=None, value=10**400)), ()) == {}
    assert past_of(facts(check("rate", rows=None, failing=None, value="nan")), ()) == {}
