"""What a profile may say of a bucket, read and held against what S3 takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from sluicegate.errors import ConfigError
from sluicegate_adapters.local_files import absolute

__all__ = ["KNOWN_SETTINGS", "MEBIBYTE", "BucketSettings", "read_bucket_settings"]

MEBIBYTE = 1 << 20
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|arn:[\w:/.-]+")
_SSE = ("AES256", "aws:kms", "aws:kms:dsse")
_STORAGE_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY")
_CHECKSUMS = ("when_required", "when_supported")
_ADDRESSING = ("auto", "path", "virtual")
_SMALLEST_PART, _LARGEST_PART = 5, 1024
_LONGEST_SILENCE = 3600
_TAGS_AT_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    """A bucket, and how to talk to it. What is None is left to boto3's usual chain: environment, files, roles.

    Attributes:
        part_bytes: files larger than this go up in parts of this size; one part is held in memory at a time.
        ca_bundle: a file of certificates to trust, for a server whose own is not signed by a known authority.
        timeout_seconds: how long an answer may keep silent before it counts as lost.
        checksums: ``when_required`` for servers that don't know the newer checksum headers, else ``when_supported``.
    """

    bucket: str
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    sse: str | None = None
    sse_kms_key_id: str | None = None
    storage_class: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    checksums: str = "when_required"
    addressing_style: str = "auto"
    ca_bundle: str | None = None
    timeout_seconds: float = 60
    part_bytes: int = 16 * MEBIBYTE

    @property
    def server(self) -> str:
        """Who is asked, for messages."""
        return self.endpoint_url or f"AWS S3 ({self.region or 'the default region'})"

    @property
    def protection(self) -> dict[str, str]:
        """What every object is written with: encryption and tags."""
        found = {"ServerSideEncryption": self.sse, "SSEKMSKeyId": self.sse_kms_key_id, "Tagging": urlencode(self.tags) or None}
        return {name: value for name, value in found.items() if value is not None}


KNOWN_SETTINGS = frozenset(BucketSettings.__dataclass_fields__) - {"part_bytes"} | {"part_size_mb"}
_TEXTS = ("endpoint_url", "region", "access_key_id", "secret_access_key", "session_token", "sse_kms_key_id", "ca_bundle")
_CHOICES = {"sse": _SSE, "storage_class": _STORAGE_CLASSES, "checksums": _CHECKSUMS, "addressing_style": _ADDRESSING}


def read_bucket_settings(settings: Mapping[str, Any], base: Path, *, where: str) -> BucketSettings:
    """The bucket that a mapping of a profile names; its keys are among ``KNOWN_SETTINGS``.

    Args:
        settings: the mapping.
        base: where a relative ``ca_bundle`` starts.
        where: the key of the profile that it stands under, for messages.

    Raises:
        ConfigError: a setting is missing or can't be used.
    """
    bucket = settings.get("bucket")
    if not isinstance(bucket, str) or not _BUCKET.fullmatch(bucket):
        raise ConfigError(
            f"{where}.bucket must be the name of a bucket, not {bucket!r}", hint="3 to 63 of a-z, 0-9, hyphen and dot"
        )
    found: dict[str, Any] = {name: _text(settings, name, where) for name in _TEXTS if settings.get(name) is not None}
    for name, known in _CHOICES.items():
        if settings.get(name) is not None:
            found[name] = _choice(settings[name], known, f"{where}.{name}")
    _refuse_contradictions(found, where)
    if found.get("endpoint_url") and "addressing_style" not in found:
        found["addressing_style"] = "path"  # a server of one's own rarely has a host name for each bucket
    if "ca_bundle" in found:
        found["ca_bundle"] = str(absolute(base, found["ca_bundle"]))
        if not Path(found["ca_bundle"]).is_file():
            raise ConfigError(f"{where}.ca_bundle: {found['ca_bundle']}: no such file")
    return BucketSettings(
        bucket=bucket,
        tags=_tags(settings.get("tags") or {}, where),
        part_bytes=_part(settings.get("part_size_mb", 16), where),
        timeout_seconds=_silence(settings.get("timeout_seconds", 60), where),
        **found,
    )


def _text(settings: Mapping[str, Any], name: str, where: str) -> str:
    value = settings[name]
    if not isinstance(value, str) or not value:
        shown = "that" if "key" in name or "token" in name else repr(value)
        raise ConfigError(f"{where}.{name} must be a text, not {shown}")
    return value


def _choice(value: Any, known: tuple[str, ...], name: str) -> str:
    if value in known:
        return str(value)
    hint = f"known: {', '.join(known)}"
    if value in {"GLACIER", "DEEP_ARCHIVE"}:
        hint = f"what lies in an archive can't be read back to verify it, nor be replayed; {hint}"
    raise ConfigError(f"{name} can't be {value!r}", hint=hint)


def _refuse_contradictions(found: Mapping[str, Any], where: str) -> None:
    if ("access_key_id" in found) != ("secret_access_key" in found):
        raise ConfigError(
            f"{where} needs access_key_id and secret_access_key, or neither",
            hint="without them, boto3's usual chain is asked: environment, ~/.aws, roles",
        )
    if "session_token" in found and "access_key_id" not in found:
        raise ConfigError(f"{where}.session_token belongs to an access_key_id", hint="give both keys with it")
    if "sse_kms_key_id" in found and not str(found.get("sse")).startswith("aws:kms"):
        raise ConfigError(f"{where}.sse_kms_key_id needs sse: aws:kms")
    if "endpoint_url" in found:
        _refuse_address(found["endpoint_url"], f"{where}.endpoint_url")


def _refuse_address(url: str, name: str) -> None:
    """What is refused isn't shown: it may hold a password, in whatever place."""
    try:
        address = urlsplit(url)
        usable = address.scheme in {"http", "https"} and address.hostname and address.port != 0
        usable = usable and not address.query and not address.fragment
    except ValueError:  # a port that is none, a bracket that doesn't close
        usable = False
    if not usable:
        raise ConfigError(f"{name} must be a server's URL, and this one isn't", hint="such as http://localhost:9000")
    if address.username or address.password:
        raise ConfigError(f"{name} must not hold credentials", hint="use access_key_id and secret_access_key")


def _tags(tags: Any, where: str) -> dict[str, str]:
    if not isinstance(tags, Mapping) or not all(isinstance(part, str) and part for item in tags.items() for part in item):
        raise ConfigError(f"{where}.tags must be a mapping of texts", hint="such as {team: flights}")
    if len(tags) > _TAGS_AT_MOST:
        raise ConfigError(f"{where}.tags: S3 takes {_TAGS_AT_MOST} tags at most, not {len(tags)}")
    return dict(tags)


def _part(size: Any, where: str) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or not _SMALLEST_PART <= size <= _LARGEST_PART:
        raise ConfigError(f"{where}.part_size_mb must be a whole number from {_SMALLEST_PART} to {_LARGEST_PART}, not {size!r}")
    return size * MEBIBYTE


def _silence(seconds: Any, where: str) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST_SILENCE:
        raise ConfigError(f"{where}.timeout_seconds must be a number up to {_LONGEST_SILENCE}, not {seconds!r}")
    return float(seconds)
