"""A bar chart as SVG, that stands on light and on dark paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

__all__ = ["bar_chart"]

_WIDTH, _NAMES, _BARS, _LINE, _GAP, _HEAD = 860, 330, 380, 22, 34, 40
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.value { font-variant-numeric: tabular-nums }
.other { fill: #8c959f } .ours { fill: #0969da }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .other { fill: #6e7681 } .ours { fill: #58a6ff } }
"""


def bar_chart(panels: Mapping[str, Sequence[tuple[str, float, str]]], ours: str) -> str:
    """One panel below the other, the shortest bar on top.

    Args:
        panels: a panel's title -> name, length and what stands beside it, of each bar.
        ours: names with this in them have a colour of their own.
    """
    top, parts = 0, []
    for title, bars in panels.items():
        longest = max(length for _, length, _ in bars)
        parts.append(f'<text class="title" x="0" y="{top + 18}">{escape(title)}</text>')
        for number, (name, length, told) in enumerate(sorted(bars, key=lambda bar: bar[1])):
            parts.append(_bar(top + _HEAD + number * _LINE, name, max(1, _BARS * length / longest), told, mine=ours in name))
        top += _HEAD + len(bars) * _LINE + _GAP
    told = " and ".join(escape(title) for title in panels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" role="img">'
    return "\n".join([head, f"<title>{told}</title>", f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _bar(top: int, name: str, length: float, told: str, *, mine: bool) -> str:
    middle = top + 12
    label = f'<text x="{_NAMES - 10}" y="{middle}" text-anchor="end">{escape(name.replace("`", ""))}</text>'
    bar = f'<rect class="{"ours" if mine else "other"}" x="{_NAMES}" y="{top}" width="{length:.1f}" height="16" rx="2"/>'
    return f'{label}{bar}<text class="value" x="{_NAMES + length + 8:.1f}" y="{middle}">{escape(told)}</text>'
