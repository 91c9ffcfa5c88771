"""One run: what is asked of the batch, GX's verdict on the answers, and the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext
from sluicegate_adapters.engines.great_expectations.asks import Ask, Broken, answer_all
from sluicegate_adapters.engines.great_expectations.canonical_jobs import canonical_job
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.jobs import Job
from sluicegate_adapters.engines.great_expectations.native_jobs import Room, native_job

if TYPE_CHECKING:
    import duckdb

__all__ = ["run_checks"]


def run_checks(checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterator[Result]:
    """One result for each check, in any order.

    Raises:
        EngineError: the batch or DuckDB is of no more use.
    """
    try:
        connection = batch.connect()
    except Exception as error:
        raise EngineError(f"the batch can't be opened ({type(error).__name__})") from error
    jobs: list[Job] = []
    for place, check in enumerate(checks):
        try:
            jobs.append(_job(check, batch, context, connection, place))
        except Fault as fault:
            yield _error(check, fault)
        except EngineError:
            raise
        except Exception as error:  # noqa: BLE001 - one check never takes others with it
            yield _broke(check, error)
    answers = answer_all(connection, [ask for job in jobs for ask in job.asks])
    for job in jobs:
        yield _result(job, answers, connection)


def _job(check: ContractCheck, batch: BatchView, context: RunContext, connection: duckdb.DuckDBPyConnection, place: int) -> Job:
    match check.promise:
        case NativeCheck() as native:
            return native_job(check, native, Room(batch, context, connection, place))
        case Untestable(reason=reason):
            raise Fault(reason)
        case canonical:
            return canonical_job(check, canonical, batch, context)


def _result(job: Job, answers: Mapping[Ask, Any], connection: duckdb.DuckDBPyConnection) -> Result:
    given = [answers[ask] for ask in job.asks]
    broken = next((answer for answer in given if isinstance(answer, Broken)), None)
    if broken is not None:
        hint, engine_broke = broken.hint, broken.engine_broke
        return Result(check_id=job.check.id, error=broken.message, error_hint=hint, engine_broke=engine_broke)
    try:
        return job.finish(given, connection)
    except Fault as fault:
        return _error(job.check, fault)
    except EngineError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        return _broke(job.check, error)


def _broke(check: ContractCheck, error: Exception) -> Result:
    """What nobody foresaw: the engine's fault, told without the exception's text, which may quote values."""
    message = f"Great Expectations' adapter broke on this check ({type(error).__name__})"
    return Result(check_id=check.id, error=message, engine_broke=True)


def _error(check: ContractCheck, fault: Fault) -> Result:
    return Result(check_id=check.id, error=fault.message, error_hint=fault.hint)
