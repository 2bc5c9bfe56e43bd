"""Every setting, missing and malformed: one line that names it and what to do."""

from __future__ import annotations

import base64
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.operations.reference.settings_page import settings_read
from apps.privacy.keyring import KeyRing
from config import env

KEY = base64.b64encode(bytes(32)).decode()
FREE_TEXT = {"METRICS_TOKEN", "MAIL_SERVER", "MAIL_USERNAME", "MAIL_PASSWORD"}

MISSING = [
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FINFLOW_KEY_RING",
    "ALLOWED_HOSTS",
    "EVIDENCE_SIGNING_KEY_FILE",
    "EVIDENCE_SIGNING_CERT_FILE",
    "JWT_PRIVATE_KEY_FILE",
]
MALFORMED = [
    ("DATABASE_URL", "mysql://user@host/db", "is not a PostgreSQL URL"),
    ("DATABASE_URL", "finflow", "is not a PostgreSQL URL"),
    ("DATABASE_URL", "postgres://user@host:port/db", "is not a PostgreSQL URL"),
    ("DATABASE_URL", "postgres://user@host:99999/db", "is not a PostgreSQL URL"),
    ("DATABASE_URL", "postgres://user@[::1/db", "is not a PostgreSQL URL"),
    ("DATABASE_URL", "postgres://user@host", "names no database"),
    ("REDIS_URL", "http://host:6379", "is not a Redis URL"),
    ("REDIS_URL", "redis://host:port/0", "is not a Redis URL"),
    ("REDIS_URL", "redis://host:0/0", "is not a Redis URL"),
    ("REDIS_URL", "redis://host/first", "names a database that is not a number"),
    ("SECRET_KEY", "too short", "has 9 characters"),
    ("ALLOWED_HOSTS", " , ", "has something that is not a host name"),
    ("ALLOWED_HOSTS", "https://finflow.example.com", "has something that is not a host name"),
    ("ALLOWED_HOSTS", "finflow.example.com:443", "has something that is not a host name"),
    ("CSRF_TRUSTED_ORIGINS", "finflow.example.com", "has something that is not an origin"),
    ("CSRF_TRUSTED_ORIGINS", "https://example.com/x", "has something that is not an origin"),
    ("SITE_URL", "finflow.example.com", "has something that is not an origin"),
    ("SITE_URL", "https://finflow.example.com/x", "has something that is not an origin"),
    ("EVIDENCE_SIGNING_KEY_FILE", "{keys}/none", "cannot be read (No such file or directory)"),
    ("EVIDENCE_SIGNING_KEY_FILE", "{keys}", "cannot be read (Is a directory)"),
    ("EVIDENCE_SIGNING_KEY_FILE", "{keys}/words.pem", "is not a private key in PEM form"),
    ("EVIDENCE_SIGNING_KEY_FILE", "{keys}/locked.key", "is not a private key in PEM form"),
    ("EVIDENCE_SIGNING_KEY_FILE", "{keys}/empty.pem", "names an empty file"),
    ("EVIDENCE_SIGNING_CERT_FILE", "{keys}/none", "cannot be read (No such file or directory)"),
    ("EVIDENCE_SIGNING_CERT_FILE", "{keys}/words.pem", "is not a certificate in PEM form"),
    ("EVIDENCE_SIGNING_CERT_FILE", "{keys}/other.crt", "is not the certificate of EVIDENCE_SIGNI"),
    ("JWT_PRIVATE_KEY_FILE", "{keys}/none", "cannot be read (No such file or directory)"),
    ("JWT_PRIVATE_KEY_FILE", "{keys}/words.pem", "is not a private key in PEM form"),
    ("JWT_PRIVATE_KEY_FILE", "{keys}/other.key", "is a key of another kind than RSA"),
    ("EGRESS_HOSTS", "https://api.example.com", "has something that is neither a host nor"),
    ("EGRESS_HOSTS", "api.example.com,*", "has something that is neither a host nor a network"),
    ("STORAGE_PROTOCOLS", "s3,ftp", "is not made of s3, gs, abfs, file, memory"),
    ("OWN_PARTITION_FROM", "0", "is not a whole number of at least 1"),
    ("RECONCILE_SHARDS", "1001", "is not a whole number from 0 to 1000"),
    ("RECONCILE_SHARDS_FROM", "0", "is not a whole number of at least 1"),
    ("ATTACHMENT_MOST_BYTES", "0", "is not a whole number of at least 1"),
    ("UPLOAD_MAX_BYTES", "much", "is not a whole number of at least 1"),
    ("UPLOAD_MAX_BYTES", "0", "is not a whole number of at least 1"),
    ("UPLOAD_MAX_BYTES", "-5", "is not a whole number of at least 1"),
    ("UPLOAD_MAX_BYTES", "²", "is not a whole number of at least 1"),
    ("UPLOAD_MAX_BYTES", "9" * 40, "is not a whole number of at least 1"),
    ("LOG_LEVEL", "chatty", "is not one of DEBUG, INFO"),
    ("MAIL_PORT", "0", "is not a whole number from 1 to 65535"),
    ("MAIL_PORT", "65536", "is not a whole number from 1 to 65535"),
    ("PROXY_COUNT", "one", "is not a whole number from 0 to 9"),
    ("PROXY_COUNT", "10", "is not a whole number from 0 to 9"),
    ("MAIL_SECURITY", "ssl", "is not one of starttls, tls, none"),
    ("MAIL_FROM", "FinFlow", "is not an e-mail address"),
    ("MAIL_FROM", "FinFlow <finflow@example.com>", "is not an e-mail address"),
    ("FILE_DROP_DIR", "{keys}/words.pem", "is not a folder that can be read"),
    ("FINFLOW_MEDIA_DIR", "{keys}/words.pem", "is not a folder that can be read"),
]
GOOD = [
    ("DATABASE_URL", "postgresql://user:p%40ss@host/db?sslmode=require"),
    ("DATABASE_URL", "postgres://finflow@%2Frun%2Fpostgresql/finflow"),
    ("REDIS_URL", "rediss://:word@host:6380/2"),
    ("REDIS_URL", "redis://host"),
    ("REDIS_URL", "unix:///run/redis.sock"),
    ("ALLOWED_HOSTS", "*"),
    ("ALLOWED_HOSTS", "127.0.0.1,[::1]"),
    ("CSRF_TRUSTED_ORIGINS", ""),
    ("SITE_URL", ""),
    ("SITE_URL", "https://finflow.example.com:8443"),
    ("FINFLOW_KEY_RING", f"2:{KEY},1:{KEY}"),
    ("ATTACHMENT_MOST_BYTES", "20971520"),
    ("UPLOAD_MAX_BYTES", " 1000 "),
    ("UPLOAD_MAX_BYTES", ""),
    ("LOG_LEVEL", "debug"),
    ("LOG_LEVEL", ""),
    ("MAIL_PORT", "587"),
    ("PROXY_COUNT", "0"),
    ("PROXY_COUNT", ""),
    ("MAIL_SECURITY", "TLS"),
    ("MAIL_SECURITY", ""),
    ("MAIL_FROM", "finflow@example.com"),
    ("MAIL_FROM", ""),
    ("MAIL_SERVER", ""),
    ("METRICS_TOKEN", ""),
    ("FILE_DROP_DIR", "{keys}/later"),
    ("FINFLOW_MEDIA_DIR", "{keys}"),
]

Read = Callable[..., tuple[dict[str, Any], list[str]]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, complete: dict[str, str], key_files: Path) -> Read:
    """Read the settings of production afresh, with one variable changed (None: not set)."""

    def with_change(setting: str, value: str | None) -> tuple[dict[str, Any], list[str]]:
        for name in os.environ.keys() & {one.name for one in settings_read()}:
            monkeypatch.delenv(name)
        for name, good in complete.items():
            monkeypatch.setenv(name, good)
        if value is None:
            monkeypatch.delenv(setting, raising=False)
        else:
            monkeypatch.setenv(setting, value.replace("{keys}", str(key_files)))
        monkeypatch.setattr(env, "PROBLEMS", [])
        monkeypatch.delitem(sys.modules, "config.settings.base")
        found = runpy.run_module("config.settings.production")
        return found, [f"{it.setting} {it.reason}; {it.remedy}" for it in env.PROBLEMS]

    return with_change


def test_a_complete_environment_has_no_problem(read: Read) -> None:
    found, problems = read("METRICS_TOKEN", None)

    assert problems == []
    assert found["ALLOWED_HOSTS"] == ["finflow.example.com", ".example.org"]
    assert found["DATABASES"]["default"]["NAME"] == "finflow"
    assert found["SESSION_COOKIE_SECURE"]
    assert found["SECURE_SSL_REDIRECT"]
    assert not found["DEBUG"]


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("setting", MISSING)
def test_a_missing_setting_is_one_line(read: Read, setting: str, value: str | None) -> None:
    _found, problems = read(setting, value)

    assert len(problems) == 1
    assert problems[0].startswith(f"{setting} is not set; set {setting}")


@pytest.mark.parametrize(("setting", "value", "reason"), MALFORMED)
def test_a_malformed_setting_is_one_line(
    read: Read, key_files: Path, setting: str, value: str, reason: str
) -> None:
    _found, problems = read(setting, value)

    assert len(problems) == 1
    assert problems[0].startswith(f"{setting} {reason}")
    assert problems[0].partition("; ")[2]
    assert value.replace("{keys}", str(key_files)) not in problems[0].partition("; ")[0]


@pytest.mark.parametrize(("setting", "value"), GOOD)
def test_what_may_be_set_is_no_problem(read: Read, setting: str, value: str) -> None:
    _found, problems = read(setting, value)

    assert problems == []


def test_no_setting_is_left_out_of_this_table() -> None:
    assert {one.name for one in settings_read() if one.is_needed} == set(MISSING)
    assert {one.name for one in settings_read()} == set(MISSING) | {
        row[0] for row in MALFORMED
    } | FREE_TEXT


def test_a_fault_is_told_once_however_often_the_setting_is_read(read: Read) -> None:
    """LOG_LEVEL is read for three loggers."""
    _found, problems = read("LOG_LEVEL", "loud")

    assert len(problems) == 1


class TestSecretsInFiles:
    """Container platforms hand secrets over as files."""

    def test_the_file_is_read_where_the_variable_is_not_set(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("s" * 60 + "\n")
        monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))

        found, problems = read("SECRET_KEY", None)

        assert problems == []
        assert found["SECRET_KEY"] == "s" * 60

    def test_the_variable_goes_before_the_file(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "none"))

        found, problems = read("SECRET_KEY", "v" * 60)

        assert problems == []
        assert found["SECRET_KEY"] == "v" * 60

    def test_a_key_ring_in_a_file_opens_encrypted_fields_too(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "ring").write_text(f"1:{KEY}")
        monkeypatch.setenv("FINFLOW_KEY_RING_FILE", str(tmp_path / "ring"))

        found, problems = read("FINFLOW_KEY_RING", None)

        assert problems == []
        assert found["FERNET_KEYS"] == KeyRing.from_text(f"1:{KEY}").fernet_seeds()

    @pytest.mark.parametrize("setting", ["METRICS_TOKEN", "SECRET_KEY"])
    def test_a_file_that_is_not_there_is_named(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
    ) -> None:
        monkeypatch.setenv(f"{setting}_FILE", str(tmp_path / "none"))

        _found, problems = read(setting, None)

        assert problems == [
            f"{setting}_FILE cannot be read (No such file or directory);"
            " check the path and its permissions"
        ]


@pytest.mark.parametrize(
    ("security", "expected"),
    [(None, (True, False)), ("tls", (False, True)), ("none", (False, False))],
)
def test_mail_is_encrypted_unless_somebody_says_otherwise(
    read: Read, security: str | None, expected: tuple[bool, bool]
) -> None:
    found, _problems = read("MAIL_SECURITY", security)

    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == expected


def test_a_socket_folder_keeps_its_letters(read: Read) -> None:
    found, _problems = read("DATABASE_URL", "postgres://finflow@%2FRun%2FPG/finflow")

    assert found["DATABASES"]["default"]["HOST"] == "/Run/PG"


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
    ],
)
def test_the_broker_is_the_same_redis(read: Read, url: str, broker: str) -> None:
    found, _problems = read("REDIS_URL", url)

    assert found["CELERY_BROKER_URL"] == broker
