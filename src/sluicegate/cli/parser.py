"""What can be typed: verbs, options, and what to say to a slip of the finger."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from sluicegate.errors import UsageError

__all__ = ["build_parser", "parse"]

_HANDLERS = "sluicegate.cli."
_EXIT_CODES = """\
exit codes:
  0  passed or committed        1  warnings, with --fail-on-warnings
  2  usage or contract fault    3  quarantined       4  blocked
  5  an engine broke            6  storage or network failed
"""


class _Parser(argparse.ArgumentParser):
    """argparse, except that a mistake is a UsageError with a suggestion."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '?(?P<word>[^' ]+)'? \(choose from (?P<known>.*)\)", message)
        if wrong is None:
            raise UsageError(message, hint=f"see `{self.prog} --help`")
        known = re.findall(r"[\w-]+", wrong["known"])
        raise UsageError(f"{self.prog} has no {wrong['word']!r}", hint=_suggest(wrong["word"], known))


class _ShowVersion(argparse.Action):
    """Reads the version when it is asked for: that import costs more than the whole parser."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from sluicegate.cli.version import version

        print(f"sluicegate {version()}")
        parser.exit()


def _suggest(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        UsageError: it can't be understood; the hint says what was meant, if that can be guessed.
        SystemExit: for ``--help`` and ``--version``, with 0.
    """
    parser = build_parser()
    options, extra = parser.parse_known_args(list(arguments))
    if extra:
        asked: argparse.ArgumentParser = getattr(options, "parser", parser)
        if extra[0].startswith("-"):
            known = asked._option_string_actions  # noqa: SLF001 - argparse has no public list of its options
            raise UsageError(f"unknown option {extra[0]!r}", hint=_suggest(extra[0].partition("=")[0], known))
        raise UsageError(f"{asked.prog} does not take {extra[0]!r}", hint=f"see `{asked.prog} --help`")
    return options


def _common(parser: argparse.ArgumentParser, *, top: bool = False) -> None:
    """The options that may stand before or after the verb; only before it do they have defaults."""
    keep = None if top else argparse.SUPPRESS
    off = False if top else argparse.SUPPRESS
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "--config", metavar="FILE", default=keep, help="the gate profile (default: $SLUICEGATE_CONFIG, else the embedded one)"
    )
    group.add_argument("--json", action="store_true", default=off, help="one JSON document on standard output")
    group.add_argument("-q", "--quiet", action="store_true", default=off, help="the outcome in one line")
    group.add_argument("-v", "--verbose", action="store_true", default=off, help="everything, and tracebacks of our own faults")
    group.add_argument("--no-color", dest="color", action="store_false", default=keep, help="no colours (also: NO_COLOR=1)")
    group.add_argument("--color", dest="color", action="store_true", default=keep, help="colours even in a pipe")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="sluicegate",
        description="A gate for data: one contract, many engines, one verdict, and the batch is committed, quarantined or blocked.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    _common(parser, top=True)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True, parser_class=_Parser)
    _gate_verbs(verbs)
    _store_verbs(verbs)
    _contract_verbs(verbs)
    return parser


_Verbs = argparse._SubParsersAction  # noqa: SLF001 - the type has no public name


def _verb(verbs: _Verbs[_Parser], name: str, handler: str, summary: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=summary, description=_sentence(summary), allow_abbrev=False)
    _common(parser)
    parser.set_defaults(handler=_HANDLERS + handler, parser=parser)
    return parser


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + ("" if summary.endswith("?") else ".")


def _gate_verbs(verbs: _Verbs[_Parser]) -> None:
    demo = _verb(verbs, "demo", "demo:demo", "three days of real flights: one committed, one with warnings, one quarantined")
    demo.add_argument("--dir", metavar="FOLDER", default=".sluicegate/demo", help="where it works (default: %(default)s)")
    for name, summary in (
        ("check", "run a contract's checks on a batch, and leave the batch alone"),
        ("run", "run the checks and act: commit, quarantine or block the batch"),
    ):
        gate = _verb(verbs, name, f"gate_verbs:{name}", summary)
        gate.add_argument("contract", metavar="CONTRACT", help="a contract, asset or job file")
        gate.add_argument(
            "batch", metavar="BATCH", nargs="*", help="files, a folder or a glob (default: the job's or asset's source.path)"
        )
        gate.add_argument("--batch-id", metavar="ID", help="the batch's identity (default: from its content)")
        gate.add_argument("--format", metavar="FORMAT", help="parquet, csv, json, ndjson or arrow (default: from the suffix)")
        gate.add_argument("--now", metavar="TIME", help="the run's clock, ISO 8601 (default: the current time)")
        gate.add_argument("--fail-on-warnings", action="store_true", help="exit with 1 if there are warnings")
    plan = _verb(verbs, "plan", "gate_verbs:plan", "print what each engine would run; needs no data")
    plan.add_argument("contract", metavar="CONTRACT", help="a contract, asset or job file")
    plan.add_argument("--engine", metavar="NAME", help="this engine's part only")


def _store_verbs(verbs: _Verbs[_Parser]) -> None:
    quarantine = verbs.add_parser("quarantine", help="see what waits in quarantine", allow_abbrev=False)
    inner = quarantine.add_subparsers(metavar="VERB", dest="subverb", required=True, parser_class=_Parser)
    listing = _verb(inner, "list", "quarantine:list_items", "every item, newest first")
    listing.add_argument("--status", metavar="STATUS", help="only items of this status")
    listing.add_argument("--dataset", metavar="NAME", help="only items of this dataset")
    show = _verb(inner, "show", "quarantine:show_item", "one item: why it is there, its files, its history")
    show.add_argument("quarantine_id", metavar="ID")
    history = _verb(verbs, "history", "history:history", "past runs, and how the failing checks moved")
    history.add_argument("--dataset", metavar="NAME", help="only runs of this dataset")
    history.add_argument("--contract", metavar="NAME", help="only runs of this contract")
    history.add_argument("--limit", metavar="N", type=int, default=20, help="at most this many (default: %(default)s)")
    _verb(verbs, "doctor", "doctor:doctor", "is everything here that a run needs?")


def _contract_verbs(verbs: _Verbs[_Parser]) -> None:
    contract = verbs.add_parser("contract", help="lint, show or start a contract", allow_abbrev=False)
    inner = contract.add_subparsers(metavar="VERB", dest="subverb", required=True, parser_class=_Parser)
    lint = _verb(inner, "lint", "contract_verbs:lint_files", "every fault of these files, with file, line and column")
    lint.add_argument("contracts", metavar="CONTRACT", nargs="+")
    show = _verb(inner, "show", "contract_verbs:show", "a contract as the gate understands it: checks, policies, sources")
    show.add_argument("contract", metavar="CONTRACT")
    init = _verb(inner, "init", "contract_verbs:init", "write a starter contract")
    init.add_argument("name", metavar="NAME")
    init.add_argument("--from", dest="source", metavar="FILE", help="take the schema from this data file")
    init.add_argument("--output", metavar="FILE", help="where to write it (default: NAME.contract.yaml; - for standard output)")
