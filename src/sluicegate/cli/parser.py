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
    _notify_verbs(verbs)
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
    demo = _verb(verbs, "demo", "demo:demo", "three days of real flights; the refused one is repaired and replayed")
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
        gate.add_argument(
            "--option",
            dest="options",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help="how text files are written: delimiter, quote, escape, header, null_values (may be repeated), encoding",
        )
        gate.add_argument("--now", metavar="TIME", help="the run's clock, ISO 8601 (default: the current time)")
        gate.add_argument(
            "--report",
            metavar="KIND[=PATH]",
            action="append",
            default=[],
            help="html, junit, github, json or markdown; - or no PATH: standard output (may be repeated)",
        )
        gate.add_argument(
            "--fail-on-warnings", action="store_true", help="exit with 1 if there are warnings, or the batch is split"
        )
        gate.set_defaults(notify=True)
        if name == "run":
            later = "keep what there is to tell people: the next run or `notify flush` sends it"
            gate.add_argument("--no-notify", dest="notify", action="store_false", help=later)
    plan = _verb(verbs, "plan", "gate_verbs:plan", "print what each engine would run; needs no data")
    plan.add_argument("contract", metavar="CONTRACT", help="a contract, asset or job file")
    plan.add_argument("--engine", metavar="NAME", help="this engine's part only")


def _store_verbs(verbs: _Verbs[_Parser]) -> None:
    quarantine = verbs.add_parser("quarantine", help="see what waits in quarantine, and decide on it", allow_abbrev=False)
    inner = quarantine.add_subparsers(metavar="VERB", dest="subverb", required=True, parser_class=_Parser)
    listing = _verb(inner, "list", "quarantine:list_items", "every item, newest first")
    listing.add_argument("--status", metavar="STATUS", help="only items of this status")
    listing.add_argument("--dataset", metavar="NAME", help="only items of this dataset")
    show = _verb(inner, "show", "quarantine:show_item", "one item: why it is there, its files, its history")
    show.add_argument("quarantine_id", metavar="ID")
    _decisions(inner)
    _care(inner)
    history = _verb(verbs, "history", "history:history", "past runs, and how the failing checks moved")
    history.add_argument("--dataset", metavar="NAME", help="only runs of this dataset")
    history.add_argument("--contract", metavar="NAME", help="only runs of this contract")
    history.add_argument("--limit", metavar="N", type=int, default=20, help="at most this many (default: %(default)s)")
    recover = _verb(verbs, "recover", "recover:recover", "finish or roll back what dead workers left")
    recover.add_argument(
        "--older-than",
        metavar="AGE",
        default="24h",
        help="of leavings that only their age tells: 90s, 15m, 24h, 7d (default: %(default)s)",
    )
    recover.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    for parser in (
        *inner.choices.values(),
        recover,
        _verb(verbs, "doctor", "doctor:doctor", "is everything here that a run needs?"),
    ):
        parser.add_argument(
            "--at", metavar="CONTRACT", action="append", help="look where this contract keeps refused batches, too"
        )


def _decisions(inner: _Verbs[_Parser]) -> None:
    """What brings a batch on its way again."""
    replay = _verb(
        inner, "replay", "quarantine_work:replay", "run quarantined batches through the gate again; commit what passes"
    )
    replay.add_argument("quarantine_ids", metavar="ID", nargs="*", help="which items (or choose them by the options below)")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("--with", dest="with_contract", metavar="FILE", help="the contract, asset or job file that holds now")
    which.add_argument("--original-contract", action="store_true", help="the contract that they were refused under")
    replay.add_argument(
        "--data", metavar="FILE", nargs="+", help="a repaired file in place of the kept one, which stays in the item"
    )
    replay.add_argument("--format", metavar="FORMAT", help="of --data (default: from the suffix)")
    clock = replay.add_mutually_exclusive_group()
    clock.add_argument("--now", metavar="TIME", help="the checks' clock, ISO 8601 (default: the current time)")
    clock.add_argument("--original-clock", action="store_true", help="the clock of the verdict that refused them")
    replay.add_argument("--dry-run", action="store_true", help="run the checks, and change nothing")
    replay.add_argument("--contract", metavar="NAME", help="all that wait and were refused under the contract of this name")
    replay.add_argument("--since", metavar="TIME", help="all that wait and were quarantined at this time or later")
    replay.add_argument("--reason", metavar="TEXT", help="all that wait and have this text in their reason")
    replay.add_argument("--rate", metavar="N", type=float, help="at most this many a second")
    replay.add_argument("--note", metavar="WHY", default="replay", help="for the items' history")
    release = _verb(inner, "release", "quarantine_work:release", "commit a batch as it is, although its checks failed")
    release.add_argument("quarantine_id", metavar="ID")
    release.add_argument("--by", metavar="NAME", required=True, help="who takes the responsibility")
    release.add_argument("--reason", metavar="WHY", required=True, help="why it is right")
    release.add_argument(
        "--with", dest="with_contract", metavar="FILE", help="whose types it is read with (default: the original)"
    )
    for parser in (replay, release):
        parser.add_argument(
            "--beside", metavar="FOLDER", help="where the original contract's relative paths start (default: here)"
        )
    replay.add_argument("--by", metavar="NAME", help="who wants it (default: you)")


def _care(inner: _Verbs[_Parser]) -> None:
    """What looks after batches that stay."""
    review = _verb(inner, "review", "quarantine_work:review", "note that you looked at an item; put it on hold")
    review.add_argument("quarantine_id", metavar="ID")
    review.add_argument("--note", metavar="TEXT", required=True, help="what you found")
    hold = review.add_mutually_exclusive_group()
    hold.add_argument("--hold", action="store_true", default=None, help="neither delete nor purge it")
    hold.add_argument("--unhold", dest="hold", action="store_false", help="no longer")
    delete = _verb(inner, "delete", "quarantine_work:delete", "give a batch up: its bytes go, a tombstone stays")
    delete.add_argument("quarantine_id", metavar="ID")
    delete.add_argument("--reason", metavar="WHY", required=True)
    purge = _verb(inner, "purge", "quarantine_work:purge", "delete all items that have expired and are not on hold")
    purge.add_argument("--dry-run", action="store_true", help="say what would be deleted, and change nothing")
    purge.add_argument("--rate", metavar="N", type=float, help="at most this many a second")
    for parser in (review, delete, purge):
        parser.add_argument("--by", metavar="NAME", help="who does it (default: you)")
    verify = _verb(inner, "verify", "quarantine_work:verify", "hold the kept bytes against their checksums")
    verify.add_argument("quarantine_ids", metavar="ID", nargs="*", help="which items (default: all)")
    export = _verb(inner, "export", "quarantine_work:export", "get an item's files back, into a folder")
    export.add_argument("quarantine_id", metavar="ID")
    export.add_argument("folder", metavar="FOLDER")


def _notify_verbs(verbs: _Verbs[_Parser]) -> None:
    notify = verbs.add_parser("notify", help="see who was told what, and tell who was not", allow_abbrev=False)
    inner = notify.add_subparsers(metavar="VERB", dest="subverb", required=True, parser_class=_Parser)
    test = _verb(inner, "test", "notify:test", "send a test message to each service of the channels")
    test.add_argument("--channel", dest="channels", metavar="NAME", action="append", help="this one only (may be repeated)")
    test.add_argument("--to", metavar="RECIPIENT", action="append", default=[], help="as if a contract named this recipient")
    listing = _verb(inner, "list", "notify:list_messages", "messages and how far they are, the latest first")
    listing.add_argument("--state", metavar="STATE", help="only due, sending, delivered, failed or dropped ones")
    listing.add_argument("--contract", metavar="NAME", help="only those about this contract")
    listing.add_argument("--limit", metavar="N", type=int, default=20, help="at most this many (default: %(default)s)")
    preview = _verb(inner, "preview", "notify_preview:preview", "what a message would say; send nothing")
    preview.add_argument("--template", metavar="FILE|EVENT", help="a template's file, or the event of a sample")
    preview.add_argument("--run", metavar="RUN", help="what is told of this run (default: a sample)")
    preview.add_argument("--channel", metavar="NAME", help="with this channel's templates, in its format")
    preview.add_argument(
        "--format", choices=["html", "markdown", "text"], help="in this format (default: the channel's, else text)"
    )
    flush = _verb(inner, "flush", "notify:flush", "send what is due")
    retry = _verb(inner, "retry", "notify:retry", "send again what was given up")
    retry.add_argument("message_ids", metavar="ID", nargs="*", help="which messages")
    retry.add_argument("--failed", action="store_true", help="all of them")
    for parser in (flush, retry):
        parser.add_argument(
            "--limit", metavar="SECONDS", type=float, default=60, help="how long to wait for services (default: %(default)s)"
        )


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
