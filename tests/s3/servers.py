"""An S3 server of our own for a test session, and a bucket of its own for each test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["KEYS", "free_port", "new_bucket", "running_server", "settings_for"]

KEYS = {"access_key_id": "an-id", "secret_access_key": "a-secret"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """ministack in a process of its own; its URL."""
    port = free_port()
    told = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "s3", "S3_PERSIST": "1", "S3_DATA_DIR": str(folder)}
    program = Path(sys.executable).parent / "ministack"
    with subprocess.Popen(
        [str(program)], env={**os.environ, **told}, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "Running on" in line:
                    break
            else:
                raise AssertionError("the S3 server did not start")
            drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait()
                drain.wait()
        finally:
            process.kill()


def settings_for(server: str, bucket: str, **more: Any) -> Mapping[str, Any]:
    """The settings of a store."""
    return {"bucket": bucket, "endpoint_url": server, **KEYS, **more}


@cache
def client_of(server: str) -> Any:
    """boto3's own client, to look behind the store."""
    from boto3.session import Session

    names = {"aws_access_key_id": KEYS["access_key_id"], "aws_secret_access_key": KEYS["secret_access_key"]}
    return Session(**names, region_name="us-east-1").client("s3", endpoint_url=server)


def new_bucket(server: str) -> str:
    """A bucket with nothing in it."""
    name = f"b-{uuid.uuid4().hex[:20]}"
    client_of(server).create_bucket(Bucket=name)
    return name
