"""Importing Soda without the libraries that a verdict never needs: its telemetry, its cloud, its uploads, its anomaly models.

Those are most of the time that Soda's import takes. A few of Soda's modules name them; while we import Soda, these modules get
an ``import`` of their own, which hands out stand-ins. A stand-in becomes the real thing when it is first used, so whoever uses
that part of Soda himself, in whichever thread, finds all of it. Nothing else in the process is touched: neither
``sys.modules``, nor a library that is stood in for, nor Soda where somebody imported it before.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType, SimpleNamespace
from typing import Any

__all__ = ["LATER", "Later", "imported_sparingly"]

LATER: Mapping[str, Collection[str]] = {
    "soda.cloud.cloud": {"requests"},
    "soda.common.env_helper": {"distutils.util", "dotenv"},
    "soda.common.parser": {"soda.common.jinja"},
    "soda.common.query_helper": {"sqlparse"},
    "soda.execution.check.check": {"soda.sodacl.anomaly_detection_metric_check_cfg"},
    "soda.sodacl.sodacl_parser": {"soda.sodacl.anomaly_detection_metric_check_cfg"},
    "soda.telemetry.soda_telemetry": {
        "distutils.util", "opentelemetry", "opentelemetry.sdk.resources", "opentelemetry.sdk.trace", "opentelemetry.sdk.trace.export",
        "opentelemetry.semconv.resource", "soda.telemetry.memory_span_exporter", "soda.telemetry.soda_exporter",
    },
}  # fmt: skip
"""Module of Soda's -> what it names and doesn't use before somebody uses that part of it."""


class Later:
    """Stands in for a module, for a name in one, or for an object made without arguments, until it is used.

    Args:
        module: which is imported then.
        name: in it; empty for the module itself.
        made: it stands for what calling the name yields.
    """

    def __init__(self, module: str, name: str = "", *, made: bool = False) -> None:
        self._later = module, name, made
        self._real: Any = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        module, name, _ = self._later
        if not arguments and not named and module not in sys.modules:
            return Later(module, name, made=True)  # Soda's parser makes three such for each check, in case it needs them
        return _real(self)(*map(_settled, arguments), **{key: _settled(value) for key, value in named.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(_real(self), name)

    def __instancecheck__(self, instance: object) -> bool:
        """Nothing is an instance of a class that nobody has imported."""
        return self._later[0] in sys.modules and isinstance(instance, _real(self))


def _real(stand_in: Later) -> Any:
    if stand_in._real is None:  # noqa: SLF001 - as its own method, but out of the way of the names that it stands in for
        module, name, made = stand_in._later  # noqa: SLF001
        found: Any = importlib.import_module(module)
        if name:
            found = getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{module}.{name}")
        stand_in._real = found() if made else found  # noqa: SLF001
    return stand_in._real  # noqa: SLF001


def _settled(value: Any) -> Any:
    return _real(value) if isinstance(value, Later) else value


class _Loader(SourceFileLoader):
    """Runs a module with an ``import`` that hands out stand-ins."""

    def exec_module(self, module: ModuleType) -> None:
        later = LATER[module.__name__]

        def importing(name: str, given: Any = None, local: Any = None, names: Sequence[str] | None = (), level: int = 0) -> Any:
            if level or name not in later or name in sys.modules:
                return builtins.__import__(name, given, local, names or (), level)
            return SimpleNamespace(**{each: Later(name, each) for each in names}) if names else Later(name)

        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
        super().exec_module(module)


class _Finder:
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Another loader for the modules of ``LATER``; for all others, it is others that find them."""
        found = PathFinder.find_spec(fullname, path, target) if fullname in LATER else None
        if found is None or type(found.loader) is not SourceFileLoader:
            return None
        found.loader = _Loader(found.loader.name, found.loader.path)
        return found


@contextmanager
def imported_sparingly() -> Iterator[None]:
    """While this lasts, Soda's modules are imported with stand-ins."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
