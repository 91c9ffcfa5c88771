"""``docker-compose.yml`` and the profile that uses it: what can be told without starting anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluicegate.config import Profile, load_profile

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
_IMAGE = re.compile(r"(?P<name>[a-z0-9./-]+):(?P<tag>[A-Za-z0-9][A-Za-z0-9._-]*)(@sha256:[0-9a-f]{64})?")
_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$(?!\$)(?P<braced>\{[^}]*\}?)?")
_DEFAULTED = re.compile(r"\{[A-Z][A-Z0-9_]*:-(?P<default>[^}]+)\}")
_SERVICE_KEYS = {
    "command", "depends_on", "entrypoint", "environment", "healthcheck", "image", "ports", "restart", "stop_grace_period", "volumes",
}  # fmt: skip
_SECONDS = re.compile(r"\d+(ms|s|m)")


def filled(text: str) -> str:
    """A text as Compose has it where no variable is set."""
    return re.sub(r"\$" + _DEFAULTED.pattern, lambda match: match["default"], text)


def published(service: str) -> dict[int, int]:
    """The container's ports -> those of this machine."""
    found = {}
    for port in SERVICES[service].get("ports", []):
        address, here, there = filled(port).split(":")
        assert address == "127.0.0.1", "not for the whole network to reach"
        found[int(there)] = int(here)
    return found


def profile(**environ: str) -> Profile:
    return load_profile(ROOT / "configs" / "compose.yaml", environ=environ)


def test_the_file_has_the_services_of_the_design_and_no_key_that_compose_does_not_know() -> None:
    assert COMPOSE.keys() == {"name", "services", "volumes"}
    assert {"minio", "iceberg-rest", "postgres", "mailpit"} <= SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_watched_and_started_in_order(name: str) -> None:
    service = SERVICES[name]
    assert service.keys() <= _SERVICE_KEYS
    image = _IMAGE.fullmatch(service["image"])
    assert image is not None, service["image"]
    assert re.search(r"\d", image["tag"]), f"{image['tag']} moves"
    check = service["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert len(check["test"]) > 1
    assert _SECONDS.fullmatch(check["interval"])
    assert _SECONDS.fullmatch(check["timeout"])
    assert check["retries"] > 1
    for other, how in service.get("depends_on", {}).items():
        assert other in SERVICES
        assert how == {"condition": "service_healthy"}


def test_minio_is_one_that_keeps_conditions() -> None:
    tag = SERVICES["minio"]["image"].partition(":")[2]
    assert tag.partition("@")[0] >= "RELEASE.2025-09-07"


def test_nobody_waits_for_somebody_who_waits_for_them() -> None:
    started: set[str] = set()
    while len(started) < len(SERVICES):
        ready = {name for name, each in SERVICES.items() if set(each.get("depends_on", {})) <= started} - started
        assert ready, f"a ring among {sorted(SERVICES.keys() - started)}"
        started |= ready


def test_no_port_is_published_twice() -> None:
    ports = [here for name in SERVICES for here in published(name).values()]
    assert len(ports) == len(set(ports))


def test_every_variable_has_a_default_that_is_one() -> None:
    for match in _VARIABLE.finditer(FILE.read_text("utf-8")):
        assert _DEFAULTED.fullmatch(match["braced"] or ""), f"{match[0]} in docker-compose.yml"


def test_one_variable_has_one_default_in_all_files() -> None:
    text = "".join(file.read_text("utf-8") for file in (FILE, *(ROOT / "configs").glob("compose*.yaml")))
    found: dict[str, set[str]] = {}
    for name, default in re.findall(r"\$\{([A-Z][A-Z0-9_]*):-([^}]+)\}", text):
        found.setdefault(name, set()).add(default)
    assert {name: defaults for name, defaults in found.items() if len(defaults) > 1} == {}


def test_volumes_are_declared_and_used() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == COMPOSE["volumes"].keys()


def test_passwords_say_that_they_are_none() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key or "SECRET" in key:
                assert filled(value).startswith("not-a-secret-")


def test_the_profile_goes_where_the_services_listen() -> None:
    found = profile()
    catalog, store = found.target.settings["catalog"], found.quarantine.settings
    assert (found.target.type, found.quarantine.type) == ("iceberg", "s3")
    assert catalog["uri"] == f"http://localhost:{published('iceberg-rest')[8181]}"
    assert catalog["s3.endpoint"] == store["endpoint_url"] == f"http://localhost:{published('minio')[9000]}"


def test_the_profile_has_the_buckets_and_the_keys_of_the_services() -> None:
    found = profile()
    catalog, store = found.target.settings["catalog"], found.quarantine.settings
    made = {key: filled(value) for key, value in SERVICES["buckets"]["environment"].items()}
    server = {key: filled(value) for key, value in SERVICES["minio"]["environment"].items()}
    rest = {key: filled(value) for key, value in SERVICES["iceberg-rest"]["environment"].items()}
    assert store["bucket"] == made["QUARANTINE_BUCKET"]
    assert catalog["warehouse"] == rest["CATALOG_WAREHOUSE"] == f"s3://{made['LAKE_BUCKET']}/warehouse"
    keys = (server["MINIO_ROOT_USER"], server["MINIO_ROOT_PASSWORD"])
    assert (catalog["s3.access-key-id"], catalog["s3.secret-access-key"]) == keys
    assert (store["access_key_id"], store["secret_access_key"]) == keys
    assert (rest["AWS_ACCESS_KEY_ID"], rest["AWS_SECRET_ACCESS_KEY"]) == keys


def test_the_catalog_goes_to_its_database() -> None:
    rest = {key: filled(value) for key, value in SERVICES["iceberg-rest"]["environment"].items()}
    base = {key: filled(value) for key, value in SERVICES["postgres"]["environment"].items()}
    assert rest["CATALOG_URI"] == f"jdbc:postgresql://postgres:5432/{base['POSTGRES_DB']}"
    assert (rest["CATALOG_JDBC_USER"], rest["CATALOG_JDBC_PASSWORD"]) == (base["POSTGRES_USER"], base["POSTGRES_PASSWORD"])


def test_another_address_needs_no_other_file() -> None:
    found = profile(S3_ENDPOINT_URL="http://s3:1", ICEBERG_CATALOG_URI="postgresql+psycopg2://db/lake")
    assert found.target.settings["catalog"]["s3.endpoint"] == found.quarantine.settings["endpoint_url"] == "http://s3:1"
    assert found.target.settings["catalog"]["uri"] == "postgresql+psycopg2://db/lake"
