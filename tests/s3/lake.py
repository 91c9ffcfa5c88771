"""A Parquet dataset in a bucket, opened for a test and read as any reader would: by what its keys look like."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluicegate.testing.targets import DATASET
from sluicegate_adapters.targets.parquet_s3 import S3ParquetTarget
from tests.s3.servers import KEYS, client_of

__all__ = ["Lake", "lake_settings"]


def lake_settings(server: str, bucket: str, place: str = "lake", **more: Any) -> dict[str, Any]:
    """The settings of a target."""
    return {"path": f"s3://{bucket}/{place}/{{tenant}}/{{dataset}}", "endpoint_url": server, **KEYS, **more}


@dataclass
class Lake:
    """The datasets under one prefix of a bucket."""

    server: str
    bucket: str
    base: Path
    place: str = "lake"

    def __post_init__(self) -> None:
        self.client = client_of(self.server)

    def target(self, **more: Any) -> S3ParquetTarget:
        """A target, which keeps nothing from the one before."""
        return S3ParquetTarget(lake_settings(self.server, self.bucket, self.place, **more), self.base)

    def listed(self, prefix: str | None = None) -> list[str]:
        """All that lies there."""
        found: list[str] = []
        for page in self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.place}/" if prefix is None else prefix
        ):
            found += [each["Key"] for each in page.get("Contents", [])]
        return found

    def body(self, key: str) -> bytes:
        """The bytes of one object."""
        read: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return read

    def rows(self, dataset: str = DATASET) -> list[int]:
        """The values of column ``a`` in whatever ends in ``.parquet``, sorted."""
        from pyarrow.parquet import read_table

        keys = [key for key in self.listed(f"{self.place}/default/{dataset}/") if key.endswith(".parquet")]
        return sorted(value for key in keys for value in read_table(io.BytesIO(self.body(key))).column("a").to_pylist())

    def uploads(self) -> list[dict[str, Any]]:
        """Multipart uploads that nobody completed."""
        found: list[dict[str, Any]] = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return found
