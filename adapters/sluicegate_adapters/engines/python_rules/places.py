"""Importing rules, from nowhere but the places that the profile allows.

A folder's modules live in a package of their own (``_sluicegate_rules_…``): two folders may have a ``checks.py`` each, neither
shadows a library, and inside a folder ``from .helpers import x`` works.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["Place", "RuleNotFound", "load_rule", "places"]

_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_SETTING = "engines.python.rules"


class RuleNotFound(Exception):
    """A rule can't be had: ``str()`` is why, ``hint`` the cure."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Place:
    """One place that rules may come from: a folder, a file (``path``), or an installed package (``package``)."""

    path: Path | None = None
    package: str = ""

    def __str__(self) -> str:
        if self.path is None:
            return self.package
        return str(self.path) if self.path.exists() else f"{self.path} (which is not there)"


def places(settings: Mapping[str, object]) -> tuple[Place, ...]:
    """The places of the setting ``rules``.

    Raises:
        RuleNotFound: the setting isn't a list of folders, files and package names.
    """
    listed = settings.get("rules", ())
    if isinstance(listed, str):
        listed = [listed]
    if not isinstance(listed, Sequence) or not all(isinstance(item, str | Path) for item in listed):
        raise RuleNotFound(f"{_SETTING} is not a list of folders, files and package names", "write rules: [path/to/rules]")
    return tuple(_place(str(item)) for item in listed)


def _place(text: str) -> Place:
    path = Path(text)
    if path.is_absolute():
        return Place(path=path.resolve())
    if _PACKAGE.fullmatch(text):
        return Place(package=text)
    raise RuleNotFound(f"{_SETTING} names {text!r}, which is neither an absolute path nor a package", "correct the profile")


def load_rule(kind: str, allowed: Sequence[Place], contract_file: str = "") -> Callable[..., Any]:
    """The function behind ``module:function`` or ``path/file.py:function``.

    Args:
        kind: as the contract names it; a relative file is looked for beside the contract and in the allowed folders.
        allowed: where it may come from.
        contract_file: the contract, for relative files.

    Raises:
        RuleNotFound: it isn't in an allowed place, is in several, can't be imported, or isn't a function.
    """
    where, separator, function = kind.rpartition(":")
    if not separator or not where or not function.isidentifier():
        raise RuleNotFound(f"{kind!r} names no rule", "write module:function or path/file.py:function")
    if not allowed:
        raise RuleNotFound(f"rule {kind} may not run: the profile allows no rules", f"list its folder under {_SETTING}")
    by_file = where.endswith(".py")
    found = _files(where, allowed, contract_file) if by_file else _modules(where, allowed)
    if not found:
        listed = ", ".join(map(str, allowed))
        raise RuleNotFound(
            f"rule {kind} is in none of the places that {_SETTING} allows: {listed}", "correct its name, or add its folder"
        )
    if len(found) > 1:
        raise RuleNotFound(f"rule {kind} is in {len(found)} of the places that {_SETTING} allows", "name it by its file")
    return _function(_import(kind, *next(iter(found.items()))), kind, function)


def _modules(name: str, allowed: Sequence[Place]) -> dict[str, Path | None]:
    """Names to import -> file (None: by the import system)."""
    found: dict[str, Path | None] = {}
    for place in allowed:
        if place.package:
            if name == place.package or name.startswith(f"{place.package}."):
                found[name] = None
        elif place.path is not None and place.path.is_dir():
            base = place.path.joinpath(*name.split("."))
            if base.with_suffix(".py").is_file() or (base / "__init__.py").is_file():
                found[f"{_package_of(place.path)}.{name}"] = None
        elif place.path is not None and place.path.stem == name:
            found[f"{_package_of(place.path)}.{name}"] = place.path
    return found


def _files(where: str, allowed: Sequence[Place], contract_file: str) -> dict[str, Path | None]:
    found: dict[str, Path | None] = {}
    beside = Path(contract_file).resolve().parent if contract_file else None
    for place in allowed:
        if place.path is None:
            continue
        root = place.path if place.path.is_dir() else place.path.parent
        for candidate in {(base / where).resolve() for base in (beside, root) if base is not None}:
            if not candidate.is_file() or not (
                candidate == place.path or (place.path.is_dir() and candidate.is_relative_to(root))
            ):
                continue
            inside = candidate.relative_to(root).with_suffix("").parts
            direct = candidate if place.path == candidate or not all(part.isidentifier() for part in inside) else None
            found[f"{_package_of(place.path)}.{'.'.join(inside)}"] = direct
    return found


def _package_of(path: Path) -> str:
    """A package whose modules are the folder's own, named after its path."""
    name = f"_sluicegate_rules_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        package = ModuleType(name, f"Rules from {path}.")
        package.__path__ = [str(path)] if path.is_dir() else []
        sys.modules[name] = package
    return name


def _import(kind: str, name: str, file: Path | None) -> ModuleType:
    try:
        if file is None:
            return importlib.import_module(name)
        if name in sys.modules:
            return sys.modules[name]
        return _import_file(name, file)
    except SyntaxError as error:
        raise RuleNotFound(
            f"rule {kind} can't be imported: {Path(error.filename or '').name}:{error.lineno} is not Python", "correct it"
        ) from error
    except ImportError as error:
        missing = f"No module named {error.name!r}" if isinstance(error, ModuleNotFoundError) else type(error).__name__
        raise RuleNotFound(
            f"rule {kind} can't be imported: {missing}", "install it where the gate runs, or correct the import"
        ) from error
    except BaseException as error:
        raise RuleNotFound(f"rule {kind} can't be imported: its module raised {type(error).__name__}") from error


def _import_file(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _function(module: ModuleType, kind: str, name: str) -> Callable[..., Any]:
    rule: Any = getattr(module, name, None)
    own = [key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == module.__name__]
    if rule is None:
        near = difflib.get_close_matches(name, own, n=1)
        raise RuleNotFound(
            f"rule {kind}: there is no function {name!r}", f"did you mean {near[0]!r}?" if near else "correct its name"
        )
    if not callable(rule) or isinstance(rule, type):
        raise RuleNotFound(f"rule {kind} is not a function but {type(rule).__name__}", "name a function")
    if name not in own and name not in getattr(module, "__all__", ()):
        raise RuleNotFound(f"rule {kind} is only imported there, not defined", "list it in the module's __all__")
    found: Callable[..., Any] = rule
    return found
