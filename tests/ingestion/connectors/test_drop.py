"""Files that are dropped: in the entity's folder, and in object storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from apps.ingestion.connectors import ConnectorInvalid, NothingThere, PullFailed
from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import AccessRefused, AnswerTooLarge, Unreachable
from tests.ingestion.connectors.conftest import APRIL

DROP = Drop()


def test_the_periods_file_is_read(site: Any, tmp_path: Path) -> None:
    (tmp_path / "2023-04").mkdir()
    (tmp_path / "2023-04/sales.csv").write_bytes(b"a,b\n")
    pulled = DROP.pull({"path": "{period}/sales.csv"}, {}, APRIL, site())
    assert (pulled.content, pulled.filename) == (b"a,b\n", "sales.csv")
    assert pulled.query_text == "2023-04/sales.csv"
    assert pulled.parameters == {
        "period": "2023-04",
        "period_start": "2023-04-01",
        "period_end": "2023-04-30",
    }


def test_object_storage_is_read_through_its_protocol(site: Any, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/2023-04.csv", b"in memory")
    pulled = DROP.pull({"url": "memory://bucket/{period}.csv"}, {}, APRIL, site())
    assert (pulled.content, pulled.filename) == (b"in memory", "2023-04.csv")
    memory.pipe("/bucket/2023-04.csv", b"changed")
    assert DROP.pull({"url": "memory://bucket/{period}.csv"}, {}, APRIL, site()).content == (
        b"changed"
    )
    (tmp_path / "x.csv").write_bytes(b"a file")
    assert DROP.pull({"url": f"file://{tmp_path}/x.csv"}, {}, APRIL, site()).content == b"a file"


INVALID: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, "path"),
    ({"path": "a.csv", "url": "memory://b/a.csv"}, {}, "path"),
    ({"path": 5}, {}, "path"),
    ({"path": "/etc/passwd"}, {}, "path"),
    ({"path": "../other/a.csv"}, {}, "path"),
    ({"path": "nul\0"}, {}, "path"),
    ({"path": "a.csv", "pth": "b"}, {}, "pth"),
    ({"url": "abfs://bucket/a.csv"}, {}, "url"),
    ({"url": "http://10.0.0.1/a.csv"}, {}, "url"),
    ({"url": "simplecache::memory://b/a.csv"}, {}, "url"),
    ({"url": "memory://zip::b/a.csv"}, {}, "url"),
    ({"url": "memory://user:word@bucket/a.csv"}, {}, "url"),
    ({"url": "memory://bucket"}, {}, "url"),
    ({"url": "memory://bucket/x/../../a.csv"}, {}, "url"),
    ({"url": "memory://b/a.csv", "endpoint": "https://s3.example.com"}, {}, "endpoint"),
    ({"url": "memory://b/a.csv", "account_name": "x"}, {}, "account_name"),
    ({"url": "s3://b/a.csv", "endpoint": "https://inside.example.com"}, {}, "endpoint"),
    ({"url": "s3://b/a.csv", "endpoint": "http://s3.example.com"}, {}, "endpoint"),
    ({"url": "gs://b/a.csv"}, {}, "url"),  # its driver is not installed here
    ({"path": "a.csv"}, {"key": "x"}, "credentials.key"),
    ({"url": "memory://b/a.csv"}, {"secret": "x"}, "credentials.secret"),
]


@pytest.mark.parametrize(("settings", "credentials", "path"), INVALID)
def test_settings_that_cannot_work_name_their_path(
    settings: dict[str, Any], credentials: dict[str, Any], path: str, site: Any
) -> None:
    with pytest.raises(ConnectorInvalid) as caught:
        DROP.check(settings, credentials, site("s3.example.com"))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [({"path": "{period}/a.csv"}, {}), ({"url": "memory://b/{period}.csv"}, {})],
)
def test_settings_that_work(
    settings: dict[str, Any], credentials: dict[str, str], site: Any
) -> None:
    DROP.check(settings, credentials, site())


def test_the_driver_gets_its_options_and_credentials(site: Any, monkeypatch: Any) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def refuse(url: str, **options: Any) -> Any:
        asked.append((url, options))
        raise PermissionError("secret stays out of the message")

    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda protocol: object)
    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    listed = site("s3.example.com", storage_protocols=("s3", "gs", "abfs"))
    s3 = {"url": "s3://b/{period}.csv", "endpoint": "https://s3.example.com"}
    abfs = {"url": "abfs://b/a.csv", "account_name": "ours"}
    for settings, credentials in (
        (s3, {"key": "k", "secret": "s"}),
        ({"url": "gs://b/a.csv"}, {"token": '{"type": "service_account"}'}),
        (abfs, {"account_key": "a"}),
        (abfs, {}),
    ):
        DROP.check(settings, credentials, listed)
        with pytest.raises(AccessRefused) as caught:
            DROP.pull(settings, credentials, APRIL, listed)
        assert "secret" not in caught.value.message
    fresh = {"skip_instance_cache": True, "use_listings_cache": False}
    assert asked == [
        (
            "s3://b/2023-04.csv",
            {**fresh, "endpoint_url": "https://s3.example.com", "key": "k", "secret": "s"},
        ),
        ("gs://b/a.csv", {**fresh, "token": {"type": "service_account"}}),
        ("abfs://b/a.csv", {**fresh, "account_name": "ours", "account_key": "a"}),
        ("abfs://b/a.csv", {**fresh, "account_name": "ours", "anon": True}),
    ]


@pytest.mark.parametrize("token", ["/etc/key.json", '"google_default"', "{"])
def test_a_google_token_is_no_path_of_this_machine(token: str, site: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda protocol: object)
    with pytest.raises(ConnectorInvalid) as caught:
        DROP.check({"url": "gs://b/a.csv"}, {"token": token}, site())
    assert caught.value.path == "credentials.token"


def failing(error: Exception) -> Any:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "refusal", "is_passing"),
    [
        (FileNotFoundError(), NothingThere, False),
        (PermissionError(), AccessRefused, False),
        (TimeoutError(), Unreachable, True),
        (ConnectionResetError(), Unreachable, True),
        (ImportError(), Unreachable, True),
    ],
)
def test_what_storage_answers(
    error: Exception,
    refusal: type[PullFailed],
    is_passing: bool,
    site: Any,
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(fsspec.core, "url_to_fs", failing(error))
    with pytest.raises(refusal) as caught:
        DROP.pull({"url": "memory://b/a.csv"}, {}, APRIL, site())
    assert caught.value.is_passing is is_passing


def test_what_is_not_there_is_not_there(site: Any, tmp_path: Path) -> None:
    for settings in ({"path": "{period}.csv"}, {"url": "memory://bucket/none.csv"}):
        with pytest.raises(NothingThere):
            DROP.pull(settings, {}, APRIL, site())
    (tmp_path / "folder").mkdir()
    with pytest.raises(NothingThere):
        DROP.pull({"path": "folder"}, {}, APRIL, site())


def test_a_link_out_of_the_folder_is_no_file(site: Any, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.csv").write_bytes(b"secret")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(NothingThere):
        DROP.pull({"path": "link.csv"}, {}, APRIL, site(drop_folder=inside))


def test_a_file_that_cannot_be_read(site: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.csv").write_bytes(b"a")
    monkeypatch.setattr(Path, "open", failing(PermissionError(13, "Permission denied")))
    with pytest.raises(NothingThere, match=r"a\.csv cannot be read: Permission denied"):
        DROP.pull({"path": "a.csv"}, {}, APRIL, site())


@pytest.mark.parametrize("size", [11, None])
def test_no_more_than_the_limit_is_read(
    size: int | None, site: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """Storage may not know the size of a file, or the file may grow after it was asked."""
    (tmp_path / "a.csv").write_bytes(b"x" * 11)
    memory = fsspec.filesystem("memory")
    memory.pipe("/b/a.csv", b"x" * 11)
    monkeypatch.setattr(type(memory), "info", lambda system, path: {"size": size})
    for settings in ({"path": "a.csv"}, {"url": "memory://b/a.csv"}):
        with pytest.raises(AnswerTooLarge, match="10 bytes"):
            DROP.pull(settings, {}, APRIL, site(max_bytes=10))


def test_the_bucket_is_the_place_that_credentials_go_to() -> None:
    here = DROP.destination({"url": "s3://bucket/{period}/a.csv"})
    assert here == DROP.destination({"url": "s3://bucket/other/b.csv"})
    assert here != DROP.destination({"url": "s3://others/{period}/a.csv"})
    assert here != DROP.destination({"url": "s3://bucket/a", "endpoint": "https://x.example"})
