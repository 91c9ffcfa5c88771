"""Configured secrets are found in texts whatever they look like there, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
import logging
from pathlib import Path
from urllib.parse import quote

import pytest

from sluicegate.config import load_profile
from sluicegate.contract.loader import load_contract
from sluicegate.errors import ConfigError, ContractError, Fault, StorageError
from sluicegate.redact import MASK, learn, redacted, redacted_tree, register

SECRET = "s3cr3t/With+odd=Chars&more"


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("with", "With").replace("chars", "Chars"),
        html.escape(SECRET),
        json.dumps(SECRET)[1:-1],
        repr(SECRET)[1:-1],
        SECRET[:18],
    ],
)
def test_a_secret_is_known_in_every_guise(shown: str) -> None:
    register([SECRET])
    assert redacted(f"GET https://host/{shown} failed") == f"GET https://host/{MASK} failed"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
def test_a_secret_in_a_basic_authorization_header_is_not_to_be_decoded(before: str) -> None:
    register([SECRET])
    header = base64.b64encode(f"{before}{SECRET}".encode()).decode()
    shown = redacted(f"Authorization: Basic {header}")
    assert MASK in shown
    assert len(shown) < len("Authorization: Basic ") + len(before) + 10


def test_short_secrets_and_words_are_masked_only_where_they_stand_alone() -> None:
    register(["minioadmin", "tiny", "abc", "quarantine"])
    assert redacted("minioadmin:tiny abc") == f"{MASK}:{MASK} abc"
    assert redacted("minioadmins tinyness quarantine") == "minioadmins tinyness quarantine"


def test_each_line_of_a_private_key_is_a_secret() -> None:
    register(["-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"])
    assert redacted("key: MIIEvQIBADANBgkq") == f"key: {MASK}"


def test_what_names_and_urls_say_is_secret_is_learnt_from_a_configuration() -> None:
    learn(
        {
            "catalog": {"uri": "postgresql://me:p%40ss-word@host/db?token=abcdef12", "credential": "my-id:longsecret9"},
            "endpoint": [{"password": 12345678}],
            "webhook_url": "https://hooks.example/services/T0/B0/x9y8z7",
            "bucket": "my-bucket",
        }
    )
    shown = redacted("p@ss-word p%40ss-word abcdef12 longsecret9 12345678 /services/T0/B0/x9y8z7 my-bucket me@host")
    assert shown == f"{MASK} {MASK} {MASK} {MASK} {MASK} /{MASK} my-bucket me@host"


def test_a_document_keeps_its_keys_and_shape() -> None:
    register([SECRET])
    assert redacted_tree({SECRET: [SECRET, 1, None, ({"a": SECRET},)]}) == {SECRET: [MASK, 1, None, [{"a": MASK}]]}


def test_errors_and_log_records_never_have_it(caplog: pytest.LogCaptureFixture) -> None:
    register([SECRET])
    error = StorageError(f"can't reach {SECRET}", hint=f"is {SECRET} right?")
    assert SECRET not in f"{error} {error!r} {error.message} {error.hint}"
    fault = ContractError((Fault("a", 1, 1, SECRET, SECRET),))
    assert SECRET not in f"{fault} {fault.faults}"
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test_redact").debug("sent %s", SECRET, exc_info=ValueError(SECRET))
    assert caplog.messages == [f"sent {MASK}"]
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


def test_a_profile_and_a_contract_have_their_secrets_learnt(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text(
        "target: {type: parquet, path: 's3://b/c', secret_access_key: plain-in-file, session_token: '${ANY}'}\n"
        "quarantine: {type: s3, bucket: '${QUEUE_PASSWORD}', also: [{secret_access_key: other-key-1}]}\n"
    )
    environ = {"ANY": "from-environment", "QUEUE_PASSWORD": "named-like-one", "AWS_SECRET_ACCESS_KEY": "boto3-reads-it"}
    load_profile(tmp_path / "profile.yaml", environ=environ)
    contract = "data_contract: {name: a, version: 1.0.0, owner: '${OWNER_TOKEN}', schema: [{name: a, type: integer}]}\n"
    (tmp_path / "contract.yaml").write_text(contract)
    load_contract(tmp_path / "contract.yaml", environ={"OWNER_TOKEN": "of-the-contract"})
    secrets = ["plain-in-file", "from-environment", "named-like-one", "boto3-reads-it", "other-key-1", "of-the-contract"]
    assert [redacted(text) for text in secrets] == [MASK] * 6


def test_an_error_of_a_profile_that_quotes_a_secret_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("timeout_seconds: ${DB_PASSWORD}\n")
    with pytest.raises(ConfigError) as caught:
        load_profile(tmp_path / "profile.yaml", environ={"DB_PASSWORD": "my-password-1"})
    assert "my-password-1" not in str(caught.value)
