"""The profile of ``docker-compose.yml``, word for word, against stand-ins for its services: only the addresses are others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.sql import SqlCatalog

from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.outcome import RunOutcome
from tests.integration.postgres import missing, running_postgres
from tests.integration.rest_catalog import serve
from tests.notify.servers import SmtpServer
from tests.s3.servers import KEYS, client_of, free_port, new_bucket

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "contracts" / "flights"


@dataclass(frozen=True)
class Services:
    """What stands in for the services.

    Attributes:
        server: of S3.
        held: the bucket of the quarantine.
        lake: the bucket of the warehouse.
        uri: the catalog's.
    """

    server: str
    held: str
    lake: str
    uri: str

    @property
    def warehouse(self) -> dict[str, str]:
        """How pyiceberg finds the bucket."""
        keys = {"s3.access-key-id": KEYS["access_key_id"], "s3.secret-access-key": KEYS["secret_access_key"]}
        return {
            "warehouse": f"s3://{self.lake}/warehouse",
            "s3.endpoint": self.server,
            "s3.region": "us-east-1",
            **keys,
        }


@pytest.fixture(params=["rest", "postgres", "sqlite"])
def services(request: pytest.FixtureRequest, tmp_path: Path, server: str) -> Iterator[Services]:
    """A catalog that listens, or lies in a file: each face that the profile's ``uri`` can have."""
    found = Services(server, new_bucket(server), new_bucket(server), f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    if request.param == "postgres":
        if why := missing():
            pytest.skip(why)
        with running_postgres(free_port()) as url:
            yield replace(found, uri=url)
    elif request.param == "rest":
        with serve(tmp_path / "rest") as running:
            running.backend.close()
            running.backend = SqlCatalog("rest", uri=found.uri, **found.warehouse)
            yield replace(found, uri=running.uri)
    else:
        yield found


@pytest.fixture
def profile(tmp_path: Path, services: Services, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "ICEBERG_CATALOG_URI": services.uri,
        "ICEBERG_WAREHOUSE": services.warehouse["warehouse"],
        "S3_ENDPOINT_URL": services.server,
        "SLUICEGATE_BUCKET": services.held,
        "SLUICEGATE_HISTORY": str(tmp_path / "history.sqlite"),
        "SMTP_PORT": str(smtp_server.port),
        "AWS_ACCESS_KEY_ID": KEYS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["secret_access_key"],
    }.items():
        monkeypatch.setenv(name, value)
    shutil.copy(ROOT / "configs" / "compose-notifications.yaml", tmp_path)
    return Path(shutil.copy(ROOT / "configs" / "compose.yaml", tmp_path))


def run(profile: Path, day: str) -> RunOutcome:
    now = datetime.fromisoformat(f"{day}T10:00+00:00") + timedelta(days=1)
    return Gate.from_config(profile).run(
        FLIGHTS / "contract.yaml", FLIGHTS / "data" / f"{day}.parquet", batch_id=day, now=now.astimezone(UTC)
    )


def rows(catalog: Catalog) -> dict[str, int]:
    """By month, as pyiceberg reads them from the bucket."""
    table = catalog.load_table(("default", "flights")).scan(selected_fields=("month",)).to_arrow()  # noqa: F841 - DuckDB reads it
    return {str(month): count for month, count in duckdb.execute("SELECT month, count(*) FROM 'table' GROUP BY 1").fetchall()}


def test_a_batch_is_committed_once_one_is_refused_repaired_and_replayed(
    profile: Path, services: Services, smtp_server: SmtpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = run(profile, "2013-11-28"), run(profile, "2013-11-28")
    assert first.receipt is not None
    assert again.receipt is not None
    assert (first.receipt.already_there, again.receipt.already_there) == (False, True)

    refused = run(profile, "2013-02-08")
    assert (refused.action, refused.manifest is not None) == (ActionTaken.QUARANTINED, True)
    assert refused.manifest is not None
    (mail,) = smtp_server.to("flights-oncall@example.com")
    assert "flights" in mail.message["Subject"]
    assert refused.manifest.quarantine_id in mail.body("plain")
    kept = [each["Key"] for each in client_of(services.server).list_objects_v2(Bucket=services.held)["Contents"]]
    assert all(key.startswith("quarantine/default/flights/") for key in kept if refused.manifest.quarantine_id in key)

    fixed = tmp_path / "fixed.parquet"
    source = FLIGHTS / "data" / "2013-02-08.parquet"
    duckdb.execute(f"COPY (SELECT * FROM '{source}' WHERE dep_time IS NOT NULL) TO '{fixed}' (FORMAT parquet)")
    words = ["--with", str(FLIGHTS / "contract.yaml"), "--data", str(fixed), "--now", "2013-02-09T10:00Z"]
    capsys.readouterr()
    assert main(["quarantine", "replay", refused.manifest.quarantine_id, *words, "--config", str(profile), "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert (item["status"], item["passed"]) == ("replayed", True)

    catalog = load_catalog("lake", uri=services.uri, **services.warehouse)
    try:
        assert rows(catalog) == {"11": 634, "2": 458}
    finally:
        catalog.close()
    assert main(["doctor", "--config", str(profile)]) == 0
