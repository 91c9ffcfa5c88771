"""Configured secrets in texts that leave: whoever reads a configuration has its secrets learnt, every way out asks ``redacted``.

What is known is kept for the process: a secret of one gate is none of another's business either. How a secret looks on its way (quoted for
a URL, as base64 within a header, escaped in JSON or HTML, cut off) is known, too.
"""

from __future__ import annotations

import re
from _thread import allocate_lock  # every start of the command line comes by here, and needs no threads
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MASK", "is_secret_name", "learn", "redacted", "redacted_tree", "register"]

MASK = "***"

_SHORTEST, _SURE = 4, 8
"""Shorter than the one a text is no secret; shorter than the other, or of small letters alone, it is one only where it stands alone."""
_HEAD = 16
"""Of a longer secret so much is enough to know it by, where the rest was cut off."""
_WORDS = frozenset(
    {
        "blocked", "block", "check", "checked", "commit", "commit_with_warnings", "committed", "critical", "default", "deleted", "error",
        "errored", "failed", "false", "info", "local", "localhost", "none", "null", "passed", "quarantine", "quarantined", "skipped", "split",
        "test", "true", "unreadable", "unsupported", "warned", "warning",
    }
)  # fmt: skip
"""What reports must be able to say; a secret that is such a word is none."""
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|credential|token|authorization|cookie|signature|webhook|dsn$|connection.?string"
    r"|(api|access|account|private|routing|integration|signing|shared|sas|encryption)[-_. ]?key$|sas$",
    re.IGNORECASE,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is looked for: the secrets' beginnings as one expression, and all that each beginning may go on with."""

    secrets: frozenset[str] = frozenset()
    heads: re.Pattern[str] | None = None
    tails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_known = _Known()
_lock = allocate_lock()


def register(secrets: Iterable[object]) -> None:
    """Let these texts never be shown again. Of a text of several lines each line is one, too. What is too short to be told from any word isn't."""
    found = {part for secret in secrets for text in [str(secret)] for part in (text.strip(), *map(str.strip, text.splitlines()))}
    found = {text for text in found if len(text) >= _SHORTEST and text.casefold() not in _WORDS and not text.startswith("-----")}
    with _lock:
        if not found <= _known.secrets:
            _remember(_known.secrets | found)


def learn(settings: object, name: str = "") -> None:
    """Register what of a configuration is secret: what stands under a name that says so, and what URLs carry.

    Args:
        settings: a mapping, a list or a scalar, as deep as they go.
        name: the key that it stands under.
    """
    register(_secrets_in(settings, name))


def is_secret_name(name: str) -> bool:
    """Whether a key or a variable of this name holds a secret.

    >>> is_secret_name("s3.secret-access-key"), is_secret_name("MAIL_PASSWORD"), is_secret_name("bucket")
    (True, True, False)
    """
    return _SECRET_NAME.search(name) is not None


def redacted(text: str) -> str:
    """The text with every secret in it as ``***``."""
    heads, tails = _known.heads, _known.tails
    if heads is None or not text:
        return text
    pieces, position = [], 0
    while match := heads.search(text, position):
        pieces += [text[position : match.start()], MASK]
        position = max(_end(text, match.start(), needle) for needle in tails[match[0]])
    return "".join([*pieces, text[position:]]) if pieces else text


def redacted_tree(value: Any) -> Any:
    """The same of every text in a JSON document; keys stay."""
    if _known.heads is None:
        return value
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: redacted_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_tree(item) for item in value]
    return value


def _end(text: str, start: int, needle: str) -> int:
    """Where what the text has of the needle from there on ends."""
    length = next((i for i, char in enumerate(needle) if text[start + i : start + i + 1] != char), len(needle))
    return start + length


def _secrets_in(value: object, name: str) -> Iterator[str]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _secrets_in(item, str(key))
        case list() | tuple():
            for item in value:
                yield from _secrets_in(item, name)
        case str() if _URL.match(value):
            yield from _secrets_of_url(value, whole="webhook" in name.casefold())
        case str() | int() if is_secret_name(name) and not isinstance(value, bool):
            yield str(value)
            if "credential" in name.casefold():  # ``id:secret``, as catalogs take it
                yield str(value).partition(":")[2]


def _secrets_of_url(url: str, *, whole: bool) -> Iterator[str]:
    """Its password, and parameters whose names say that they are secret; ``whole``: who knows its path may use it."""
    from urllib.parse import parse_qsl, unquote, urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that doesn't close: whoever uses it will say so
        yield url
        return
    if parts.password:
        yield from (parts.password, unquote(parts.password))
    yield from (text for key, text in parse_qsl(parts.query) if is_secret_name(key) or key.casefold() in {"sig", "sas", "code"})
    if whole:
        yield from (url, parts.path.strip("/"))


def _remember(secrets: frozenset[str]) -> None:
    global _known  # noqa: PLW0603 - one object, replaced as a whole: readers need no lock
    tails: dict[str, tuple[str, ...]] = {}
    alone: set[str] = set()
    for secret in secrets:
        for needle in _guises(secret):
            head = needle[:_HEAD] if len(needle) > _HEAD + 4 else needle
            tails[head] = (*tails.get(head, ()), needle)
            if needle == secret and not _is_telling(secret):
                alone.add(head)
    first = not _known.secrets
    written = [
        rf"(?<!\w){re.escape(head)}(?!\w)" if head in alone else re.escape(head) for head in sorted(tails, key=len, reverse=True)
    ]
    _known = _Known(secrets, re.compile("|".join(written)), tails)
    if first:
        _guard_logs()


def _is_telling(secret: str) -> bool:
    """Whether it can't be a part of an ordinary word."""
    return len(secret) >= _SURE and not (secret.isalpha() and secret.islower())


def _guises(secret: str) -> set[str]:
    """All that a secret may look like on its way."""
    import html
    import json
    from urllib.parse import quote, quote_plus

    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    quoted |= {re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text) for text in quoted}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1], html.escape(secret)}
    return {secret} | quoted | escaped | set(_as_base64(secret))


def _as_base64(secret: str) -> Iterator[str]:
    """What is the same in every base64 text that has the secret in it, wherever in it: ``user:secret`` in a header, for one."""
    from base64 import b64encode, urlsafe_b64encode

    data = secret.encode()
    if len(data) < _SURE:
        return
    for offset in range(3):
        padded = b"\0" * offset + data
        begin, end = (offset * 8 + 5) // 6, len(padded) * 8 // 6  # letters that nothing but the secret decides
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(padded).decode()[begin:end]


def _guard_logs() -> None:
    """From the first secret on, no log record of this process carries one: libraries log URLs and headers as they like."""
    import logging

    made = logging.getLogRecordFactory()

    def factory(*args: Any, **facts: Any) -> logging.LogRecord:
        record = made(*args, **facts)
        try:
            told = record.getMessage()
        except Exception:  # noqa: BLE001 - somebody else's record; the handler will complain of it
            return record
        if (clean := redacted(told)) != told:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[1] is not None:
            trace = logging.Formatter().formatException(record.exc_info)
            if (clean := redacted(trace)) != trace:
                record.exc_text = clean
        return record

    logging.setLogRecordFactory(factory)
