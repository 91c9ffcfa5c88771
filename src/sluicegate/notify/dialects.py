"""How a fact is written in each format, so that what is in it stays what it is: no tag, no mention, no emphasis, no link of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as html_escape
from html.parser import HTMLParser
from urllib.parse import quote

from sluicegate.ports.notifier import TextFormat

__all__ = ["DIALECTS", "Dialect", "looks_like_html", "text_of_html"]

_SPECIAL = re.compile(r"[\\`*\[\]<>]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=~)|&(?=#?\w{1,32};)|^#")
_CALLS = re.compile(r"(?<=<)(?=[!@#])|(?<![\w.+-])@(?=\w)|@(?=here|everyone|channel)")
_LINK = re.compile(r"(?:https?://|mailto:)\S+\Z", re.IGNORECASE)
_TAG = re.compile(
    r"<(?:!doctype|html|body|div|p|br|table|h[1-6]|ul|ol|a|b|strong|em|i|span|pre|code|hr|img|font)\b[^<>]*>", re.IGNORECASE
)
_BLOCKS = frozenset({"p", "div", "tr", "table", "ul", "ol", "li", "pre", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6"})
_ZERO_WIDTH = "\u200b"
_IN_ADDRESSES = "%/:=&?~#+!$,;'@*()[]-._"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one format writes what it is given.

    Attributes:
        text: a fact, as it is.
        code: something to be copied.
        link: an address, and what it is called.
    """

    text: Callable[[str], str]
    code: Callable[[str], str]
    link: Callable[[str, str], str]


def _html(text: str) -> str:
    return html_escape(text).replace("\n", "<br>\n")


def _html_link(address: str, called: str) -> str:
    return f'<a href="{html_escape(_address(address))}">{_html(called)}</a>' if _LINK.match(address) else _html(address)


def _markdown(text: str) -> str:
    """CommonMark with a backslash before what would mean something, and nothing that calls people in a chat: not ``@here``, not ``<!channel>``.

    The space of no width is for services that read ``<!channel>`` out of any text, escaped or not.
    """
    return "\n".join(_SPECIAL.sub(r"\\\g<0>", _CALLS.sub(_quiet, line)) for line in text.split("\n"))


def _quiet(found: re.Match[str]) -> str:
    return found[0] + _ZERO_WIDTH


def _markdown_code(text: str) -> str:
    """Between backticks nothing can be escaped: one in the text becomes a quote that looks like it."""
    quiet = _CALLS.sub(_quiet, " ".join(text.split("\n")).replace("`", "\u02cb"))
    return f"`{quiet}`" if quiet.strip() else ""


def _markdown_link(address: str, called: str) -> str:
    return f"[{_markdown(called)}](<{_address(address)}>)" if _LINK.match(address) else _markdown(address)


def _text_link(address: str, called: str) -> str:
    return f"{called}: {address}"


def _address(address: str) -> str:
    return quote(address, safe=_IN_ADDRESSES)


DIALECTS = {
    TextFormat.TEXT: Dialect(text=str, code=str, link=_text_link),
    TextFormat.MARKDOWN: Dialect(text=_markdown, code=_markdown_code, link=_markdown_link),
    TextFormat.HTML: Dialect(text=_html, code=lambda text: f"<code>{_html(text)}</code>", link=_html_link),
}


def looks_like_html(text: str) -> bool:
    """Whether whoever wrote a text wrote HTML.

    >>> looks_like_html("<p>{{ rows }}</p>"), looks_like_html("rows < 3 and > 1")
    (True, False)
    """
    return _TAG.search(text) is not None


def text_of_html(html: str) -> str:
    r"""What a reader without HTML sees of it.

    >>> text_of_html("<style>p {}</style><p>a &amp; b<br>c</p>")
    'a & b\nc'
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.found).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Keeps the text, with a line's end where a block begins or ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0
        self._leads_to = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "head", "title"}
        self._leads_to = dict(attrs).get("href") or "" if tag == "a" else self._leads_to
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "head", "title"} and self._hidden > 0
        self._break(tag)
        if tag == "a" and self._leads_to:
            self.found.append(f" ({self._leads_to})")
            self._leads_to = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(" ".join(data.split("\n")))

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.found.append("\n")
