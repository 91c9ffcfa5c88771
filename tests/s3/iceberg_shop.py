"""An Iceberg table in a bucket: how a target is told of it, and how any reader finds its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sluicegate.testing.targets import DATASET
from tests.s3.servers import KEYS

__all__ = ["settings_for", "values"]


def settings_for(server: str, bucket: str, folder: Path) -> dict[str, Any]:
    """A table in the bucket, known to a SQL catalog on this disk."""
    return {
        "catalog": {
            "uri": f"sqlite:///{folder / 'catalog.sqlite'}?timeout=60",
            "warehouse": f"s3://{bucket}/lake",
            "s3.endpoint": server,
            "s3.access-key-id": KEYS["access_key_id"],
            "s3.secret-access-key": KEYS["secret_access_key"],
        },
        "staging": str(folder / "staging"),
    }


def values(settings: dict[str, Any], folder: Path, name: str = DATASET) -> list[int]:
    """The values of column ``a``, as any reader finds them."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchTableError

    catalog = load_catalog("sluicegate", **{"s3.region": "us-east-1"}, **settings["catalog"])
    try:
        found = catalog.load_table(("default", name)).scan().to_arrow()
    except NoSuchTableError:
        return []
    finally:
        catalog.close()
    return sorted(found.column("a").to_pylist())
