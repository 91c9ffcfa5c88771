"""What boto3 raises, as our errors: what was being done, what the server said, and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate_adapters.s3.settings import BucketSettings

__all__ = ["code_of", "is_missing_key", "s3_errors", "status_of"]

_CREDENTIALS = "set access_key_id and secret_access_key in the profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_EXPIRED = "the credentials have expired: get new ones, then run it again"
_PERMISSION = (
    "let these credentials use s3:GetObject, PutObject, PutObjectTagging, DeleteObject, AbortMultipartUpload, ListBucket, "
    "ListBucketMultipartUploads and ListMultipartUploadParts on the bucket"
)
_CLOCK = "this machine's clock is wrong: set it (NTP), then run it again"
_REGION = "the bucket lies in another region: set region in the profile"
_SPACE = "free some space on the server, or raise its quota, then run it again"
_LATER = "the server is overloaded or out of order: run it again later"
_NETWORK = "see whether the server runs and can be reached from here, and whether endpoint_url is right; then run it again"
_CERTIFICATE = "set ca_bundle in the profile to a file with the certificate that signed the server's"
_CONDITIONS = (
    "use AWS S3, MinIO from RELEASE.2025-09-07, or another server with conditional writes; or a local path instead of a bucket"
)
_CURES = {
    "NoSuchBucket": "create the bucket, or name another one in the profile",
    "InvalidBucketName": "name another bucket in the profile",
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": "secret_access_key is not the one that belongs to access_key_id: set the right pair",
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidToken": "session_token is not one that the server gave: get new credentials",
    "AccessDenied": _PERMISSION,
    "AllAccessDisabled": _PERMISSION,
    "403": _PERMISSION,
    "RequestTimeTooSkewed": _CLOCK,
    "RequestExpired": _CLOCK,
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "InsufficientStorage": _SPACE,
    "XMinioStorageFull": _SPACE,
    "QuotaExceeded": _SPACE,
    "NotImplemented": _CONDITIONS,
    "InvalidStorageClass": "this server doesn't know the storage_class: name another, or none",
    "KMS.NotFoundException": "sse_kms_key_id names no key of that region",
    "KMS.DisabledException": "enable the key that sse_kms_key_id names",
}
_TRANSIENT_CODES = {
    "BadDigest", "InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown", "SlowDownRead", "SlowDownWrite",
    "Throttling", "ThrottlingException", "TooManyRequests", "XAmzContentSHA256Mismatch", "IncompleteBody",
}  # fmt: skip
_TRANSIENT_STATUS = {408, 429, 500, 502, 503, 504}


def status_of(error: BaseException | None) -> int:
    """The HTTP status of an answer that boto3 made an error of; 0 if there was no answer."""
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: BaseException | None) -> str:
    """The code of an answer that boto3 made an error of, such as ``NoSuchKey``; empty if there was no answer."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def is_missing_key(error: BaseException | None) -> bool:
    """Whether the server said that there is no such object (in a bucket that there is)."""
    return code_of(error) in {"NoSuchKey", "404"}


@contextmanager
def s3_errors(doing: str, settings: BucketSettings) -> Iterator[None]:
    """Map what boto3 raises; it stays as the ``__cause__``.

    Raises:
        TransientStorageError: the network, or a server that is overloaded or out of order.
        StorageError: anything else that boto3 raises.
    """
    from botocore import exceptions
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except exceptions.ClientError as error:
        raise _of_answer(error, doing, settings) from error
    except (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        exceptions.IncompleteReadError,
        ResponseParserError,
        HTTPError,
    ) as error:
        told = str(error).partition("\n")[0]
        if isinstance(error, exceptions.SSLError):
            raise StorageError(f"{doing}: {settings.server} can't be trusted: {told}", hint=_CERTIFICATE) from error
        raise TransientStorageError(f"{doing}: {settings.server} can't be reached: {told}", hint=_NETWORK) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise StorageError(f"{doing}: no credentials for {settings.server}", hint=_CREDENTIALS) from error
    except exceptions.BotoCoreError as error:
        told = str(error).partition("\n")[0]
        hint = _CREDENTIALS if "redential" in type(error).__name__ + told else ""
        raise StorageError(f"{doing}: {told}", hint=hint) from error


def _of_answer(error: Exception, doing: str, settings: BucketSettings) -> StorageError:
    code, status = code_of(error), status_of(error)
    told = str(_response(error).get("Error", {}).get("Message") or code).rstrip(".")
    message = f"{doing}: {settings.server} says: {told} ({code}, bucket {settings.bucket})"
    if code in _CURES:
        return StorageError(message, hint=_CURES[code])
    if code in _TRANSIENT_CODES or status in _TRANSIENT_STATUS:
        return TransientStorageError(message, hint=_LATER)
    return StorageError(message, hint=_PERMISSION if status == 403 else "")  # noqa: PLR2004 - HTTP's Forbidden


def _response(error: BaseException | None) -> dict[str, Any]:
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return response
