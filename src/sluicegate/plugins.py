"""Finding adapters by entry point; built-ins enter by the same door as a stranger's."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sluicegate.errors import PluginError

__all__ = ["known", "load"]


@cache
def _registered(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        others = found.get(entry.name, ())
        if all(other.value != entry.value for other in others):  # an editable install may list itself twice
            found[entry.name] = (*others, entry)
    return found


def known(group: str) -> tuple[str, ...]:
    """The names registered in a group such as ``sluicegate.engines``, sorted."""
    return tuple(sorted(_registered(group)))


def load(group: str, name: str) -> Any:
    """The object behind an entry point.

    Raises:
        PluginError: none of that name, several, or one that can't be imported; the message says what to install.
    """
    entries = _registered(group).get(name, ())
    kind = group.rpartition(".")[2].removesuffix("s").replace("_", " ")
    if not entries:
        near = difflib.get_close_matches(name, known(group), n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        raise PluginError(f"no {kind} is called {name!r}", hint=f"{guess}known: {', '.join(known(group)) or 'none'}")
    if len(entries) > 1:
        places = " and ".join(f"{entry.value} ({entry.dist.name if entry.dist else '?'})" for entry in entries)
        raise PluginError(f"two distributions register the {kind} {name!r}: {places}", hint="uninstall one of them")
    try:
        return entries[0].load()
    except AttributeError as error:
        raise PluginError(
            f"the {kind} {name!r} can't be loaded: {error}", hint=f"its distribution is broken: no {entries[0].value} in it"
        ) from error
    except ImportError as error:
        package = (error.name or "its dependencies").partition(".")[0]
        raise PluginError(
            f"the {kind} {name!r} can't be loaded: {error}", hint=f"pip install {package.replace('_', '-')}"
        ) from error
