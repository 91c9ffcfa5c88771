"""The past of a figure as a small SVG: a line, a cross for each batch that was refused, a ring around the last. No text in it.

What it shows is said in words beside it, for those who see it small, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from sluicegate.report.model import Point
from sluicegate.words import plural

__all__ = ["caption", "svg"]

_WIDTH, _HEIGHT, _EDGE = 320, 64, 9


def svg(points: Sequence[Point]) -> str:
    """The drawing; its colours are the page's (classes ``line``, ``cross``, ``last``)."""
    figures = [point.figure for point in points]
    low, high = min(*figures, 0.0), max(figures)
    step = (_WIDTH - 2 * _EDGE) / max(1, len(points) - 1)
    spread = (high - low) or 1.0
    places = [
        (f"{_EDGE + step * i:.4g}", f"{_HEIGHT - _EDGE - (figure - low) / spread * (_HEIGHT - 2 * _EDGE):.3g}")
        for i, figure in enumerate(figures)
    ]
    line = " ".join(f"{x} {y}" for x, y in places)
    crosses = "".join(f"M{x} {y}m-3.5-3.5 7 7m0-7-7 7" for (x, y), point in zip(places, points, strict=True) if point.refused)
    x, y = places[-1]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true"><path class="base" d="M0 {_HEIGHT - 1}H{_WIDTH}"/>'
        f'<path class="line" d="M{line}"/>'
        + (f'<path class="cross" d="{crosses}"/>' if crosses else "")
        # the last one lies on top
        + f'<circle class="last" cx="{x}" cy="{y}" r="6.5"/></svg>'
    )


def caption(points: Sequence[Point], *, share: bool) -> str:
    """What the drawing shows, in words."""
    figures = [point.figure for point in points]
    low, high, last = (_said(figure, share=share) for figure in (min(figures), max(figures), figures[-1]))
    what = "Share of failing rows" if share else "The figure"
    held = sum(point.refused for point in points)
    crosses = f"; {plural(held, 'refused batch', 'refused batches')} marked with a cross" if held else ""
    return f"{what} in the last {len(points)} batches: {low} to {high}, now {last}{crosses}."


def _said(figure: float, *, share: bool) -> str:
    if share:
        return f"{figure:.2f}".rstrip("0").rstrip(".") + "\xa0%" if figure >= 0.005 or not figure else "under 0.01\xa0%"  # noqa: PLR2004 - what would be rounded to nothing
    return f"{figure:,.6g}"
