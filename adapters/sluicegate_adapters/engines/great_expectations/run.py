"""One run: what is asked of the batch, GX's verdict on the answers, and the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.questions import Question, Unanswered
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext
from sluicegate.ports.statements import StatementFailed
from sluicegate_adapters.engines.great_expectations.canonical_jobs import canonical_job
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.jobs import Connect, Job
from sluicegate_adapters.engines.great_expectations.native_jobs import native_job
from sluicegate_adapters.engines.great_expectations.sought import fetch

if TYPE_CHECKING:
    import duckdb

__all__ = ["run_checks"]


def run_checks(checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterator[Result]:
    """One result for each check, in any order.

    Raises:
        EngineError: the batch or DuckDB is of no more use.
    """
    jobs: list[Job] = []
    for check in checks:
        try:
            jobs.append(_job(check, batch, context))
        except Fault as fault:
            yield _error(check, fault)
        except EngineError:
            raise
        except Exception as error:  # noqa: BLE001 - one check never takes others with it
            yield _broke(check, error)
    answers = _answers(batch, jobs)
    connect = cache(partial(_connect, batch))
    for job in jobs:
        yield _result(job, answers, connect)


def _connect(batch: BatchView) -> duckdb.DuckDBPyConnection:
    try:
        return batch.connect()
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(f"the batch can't be opened ({type(error).__name__})") from error


def _answers(batch: BatchView, jobs: Sequence[Job]) -> Mapping[Question, Any]:
    questions = tuple(dict.fromkeys(question for job in jobs for question in job.sought.questions))
    return dict(zip(questions, batch.answers(questions), strict=True)) if questions else {}


def _job(check: ContractCheck, batch: BatchView, context: RunContext) -> Job:
    match check.promise:
        case NativeCheck() as native:
            return native_job(check, native, batch, context)
        case Untestable(reason=reason):
            raise Fault(reason)
        case canonical:
            return canonical_job(check, canonical, batch, context)


def _result(job: Job, answers: Mapping[Question, Any], connect: Connect) -> Result:
    given = [answers[question] for question in job.sought.questions]
    if (broken := next((answer for answer in given if isinstance(answer, Unanswered)), None)) is not None:
        return _unanswered(job.check, broken)
    try:
        given += [fetch(connect(), statement) for statement in job.sought.statements]
        return job.finish(job.sought.read(given), connect)
    except StatementFailed as failed:
        return _unanswered(job.check, failed.unanswered)
    except Fault as fault:
        return _error(job.check, fault)
    except EngineError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        return _broke(job.check, error)


def _unanswered(check: ContractCheck, why: Unanswered) -> Result:
    return Result(check_id=check.id, error=why.message, error_hint=why.hint, engine_broke=why.engine_broke, harmless=why.harmless)


def _broke(check: ContractCheck, error: Exception) -> Result:
    """What nobody foresaw: the engine's fault, told without the exception's text, which may quote values."""
    message = f"Great Expectations' adapter broke on this check ({type(error).__name__})"
    return Result(check_id=check.id, error=message, engine_broke=True, harmless=True)


def _error(check: ContractCheck, fault: Fault) -> Result:
    return Result(check_id=check.id, error=fault.message, error_hint=fault.hint, harmless=True)
