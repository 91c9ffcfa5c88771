"""Great Expectations' own modules under a name of ours, without what no verdict needs: a tenth of its import's time and memory.

``import great_expectations`` executes 2,400 modules in three seconds: data contexts, data sources, documentation pages, charts.
A verdict needs the expectations' classes and the names of their metrics. So GX's files, as they are installed, are imported once
more as ``_sluicegate_gx.*``, with an ``import`` statement of their own:

- ``great_expectations.x`` means ``_sluicegate_gx.x``: the process's own ``great_expectations`` isn't touched, whether it is
  imported before, after or at the same time; so it is with ``marshmallow``, which keeps a list of all classes by their names;
- a package's ``__init__`` isn't executed: what it imports from elsewhere is looked up there when it is asked for;
- what GX can do without is absent (``sqlalchemy``, ``boto3``, …: GX has its own stand-ins for these);
- what it needs for other things is imported when it is used (``pandas``, ``scipy``, ``altair``);
- it can't hand the process's warnings to ``logging``.

Everybody else's imports are what they were. ``test_gx_private.py`` holds both copies to the same verdicts.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["ROOT", "module", "whole"]

ROOT = "_sluicegate_gx"
"""The name of our copy."""
_REAL = "great_expectations"
_COPIES = {_REAL: ROOT, "marshmallow": "_sluicegate_marshmallow"}
_ABSENT = frozenset(
    {
        "azure", "boto3", "botocore", "black", "clickhouse_sqlalchemy", "databricks", "google", "openpyxl", "psycopg", "psycopg2",
        "pyathena", "pyspark", "redshift_connector", "shapely", "snowflake", "sqlalchemy", "sqlalchemy_bigquery",
        "sqlalchemy_dremio", "sqlalchemy_redshift", "teradatasqlalchemy", "trino",
    }
)  # fmt: skip
_LATE = ("altair", "pandas", "scipy", "scipy.stats")
_LATE_CLASSES = frozenset({"DataFrame", "Index", "Series"})
_PLAIN = frozenset({bool, int, str, float, date, datetime})
# One lock, taken before any of the import system's own for our modules: two threads can't hold these in different orders.
_IMPORTING = threading.RLock()


def module(name: str) -> ModuleType:
    """One of Great Expectations' modules, such as ``expectations``; imported when it is first asked for. Safe from any thread.

    Raises:
        ImportError: Great Expectations isn't installed, or is not what this stands on.
    """
    with _IMPORTING:
        _begin()
        return importlib.import_module(f"{ROOT}.{name}")


def whole(name: str) -> ModuleType:
    """A package, and all that its ``__init__`` imports.

    Raises:
        ImportError: as above.
    """
    with _IMPORTING:
        package = module(name)
        for part in getattr(package, "_origins", ()):
            getattr(package, part)
        return package


@cache
def _begin() -> None:
    sys.meta_path.append(_Finder())
    importlib.import_module(ROOT).__version__ = version("great-expectations")  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    """Finds our copies' modules among the real ones' files, and nothing else."""

    def __init__(self) -> None:
        self._folders = {ours: _folder(real) for real, ours in _COPIES.items()}

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        top, *rest = fullname.split(".")
        if top not in self._folders:
            return None
        place = self._folders[top].joinpath(*rest)
        if (init := place / "__init__.py").is_file():
            loader = _PackageLoader(fullname, str(init)) if top == ROOT else _Loader(fullname, str(init))
            spec = importlib.util.spec_from_file_location(fullname, init, loader=loader)
            if spec is not None:
                spec.submodule_search_locations = []  # so that nobody but this finder finds what is below
            return spec
        if (file := place.with_name(f"{place.name}.py")).is_file():
            return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(fullname, str(file)))
        return None


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(found.origin).parent


class _Loader(SourceFileLoader):
    """A module of GX, from the bytecode that Python keeps of its file anyway."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = _BUILTINS
        super().exec_module(module)


class _Origin(NamedTuple):
    """Where a package has a name from; without an ``attribute`` it is the module itself."""

    module: str
    attribute: str


class _PackageLoader(_Loader):
    """A package whose ``__init__`` waits."""

    def exec_module(self, module: ModuleType) -> None:
        init = ast.parse(self.get_data(self.path))
        execute = partial(super().exec_module, module)
        vars(module).update(_origins=_origins(init, module.__name__), _own=_own(init), _execute=execute)
        module.__class__ = _Package


class _Package(ModuleType):
    """What its ``__init__`` imports comes from there on demand; if it is asked for what that defines itself, it is executed."""

    _origins: Mapping[str, _Origin]
    _own: frozenset[str] | None
    _execute: Callable[[], None] | None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        with _IMPORTING:
            if (origin := self._origins.get(name)) is not None:
                found: Any = importlib.import_module(origin.module)
                found = getattr(found, origin.attribute) if origin.attribute else found
                return vars(self).setdefault(name, found)
            if importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
                return importlib.import_module(f"{self.__name__}.{name}")
            if self._execute is not None and (self._own is None or name in self._own):
                execute, self._execute = self._execute, None
                execute()
            if name in vars(self):
                return vars(self)[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        """Python binds a module to its package when it is imported: not where the package means a thing of the same name in it."""
        if not (isinstance(value, ModuleType) and name in self._origins and self._origins[name].attribute):
            super().__setattr__(name, value)


def _origins(init: ast.Module, package: str) -> Mapping[str, _Origin]:
    """Name -> where an ``__init__`` imports it from, of those that it imports from Great Expectations by name."""
    found = {}
    for node in init.body:
        if not isinstance(node, ast.ImportFrom) or node.level > 1:
            continue
        source = _ours(node.module or "") if not node.level else ".".join(filter(None, (package, node.module)))
        if source is None:
            continue
        for item in node.names:
            whole = node.module is None  # from . import name
            found[item.asname or item.name] = _Origin(f"{source}.{item.name}", "") if whole else _Origin(source, item.name)
    return found


def _own(init: ast.Module) -> frozenset[str] | None:
    """The names that an ``__init__`` defines itself; None if it takes over all names of other modules."""
    names: set[str] = set()
    for node in init.body:
        if isinstance(node, ast.ImportFrom) and any(item.name == "*" for item in node.names):
            return None
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        names.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(names)


def _ours(name: str) -> str | None:
    """The name of a module in our copy; None for what is nobody's copy."""
    top, dot, rest = name.partition(".")
    return f"{_COPIES[top]}{dot}{rest}" if top in _COPIES else None


def _import(
    name: str,
    globals: Any = None,  # noqa: A002 - the names that Python gives them
    locals: Any = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """The ``import`` statement of our copy's modules."""
    if level == 0:
        ours = _ours(name)
        if ours is None:
            return _import_foreign(name, globals, locals, fromlist)
        name = ours
    with _IMPORTING:
        return builtins.__import__(name, globals, locals, fromlist or (), level)


def _import_foreign(name: str, importer: Any, local: Any, fromlist: Sequence[str] | None) -> Any:
    top = name.partition(".")[0]
    if top in _ABSENT:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    if name == "logging":
        return _LOGGING
    if name in _LATE:
        return _late(name if fromlist else top)
    return builtins.__import__(name, importer, local, fromlist or (), 0)


class _Logging(ModuleType):
    """``logging``, for modules that hand the warnings of the whole process to it when they are imported."""

    def __getattr__(self, name: str) -> Any:
        return getattr(logging, name)

    @staticmethod
    def captureWarnings(capture: bool) -> None:  # noqa: FBT001, N802 - logging's own
        del capture


_LOGGING = _Logging("logging")
_BUILTINS = vars(builtins) | {"__import__": _import}


@cache
def _late(name: str) -> _Late:
    return _Late(name)


class _Late(ModuleType):
    """Stands for a module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if f"{self.__name__}.{name}" in _LATE:
            return _late(f"{self.__name__}.{name}")
        if self.__name__ == "pandas" and "pandas" not in sys.modules:
            if name in _LATE_CLASSES:
                return _late_class(name)
            if name == "isnull":
                return _is_null
        return getattr(importlib.import_module(self.__name__), name)


@cache
def _late_class(name: str) -> type:
    return _LateClass(name, (), {"__module__": "pandas"})


def _is_null(value: object) -> Any:
    """``pandas.isnull``; plain values don't need pandas to say."""
    return value != value if type(value) in _PLAIN else importlib.import_module("pandas").isnull(value)  # noqa: PLR0124 - NaN


class _LateClass(type):
    """Stands for a class of pandas in annotations, and where GX asks for an object's type: before pandas is imported, nothing is one."""

    def __instancecheck__(cls, instance: object) -> bool:
        real = cls._real()
        return real is not None and isinstance(instance, real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        real = cls._real()
        return real is not None and issubclass(subclass, real)

    def _real(cls) -> type | None:
        return getattr(sys.modules.get("pandas"), cls.__name__, None)
