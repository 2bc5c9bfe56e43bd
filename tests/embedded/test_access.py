"""Who may reach the data, and what stays as it was."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2
import pytest

from apps.operations.embedded import EmbeddedUnavailable
from apps.operations.embedded.privileges import server_user
from tests.embedded.stage import Client, Stage, connect, outside_variables

pytestmark = pytest.mark.embedded

is_root = os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="needs root to become another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_permission_above_or_of_an_existing_folder_changes(
    stages: Callable[[str], Stage], tmp_path: Path
) -> None:
    outer = tmp_path / "closed"
    outer.mkdir(mode=0o700)
    stage = stages("closed/data")
    stage.folder.root.chmod(0o755)
    watched = [stage.folder.root, *stage.folder.root.parents]
    before = [(mode(path), path.stat().st_uid, path.stat().st_gid) for path in watched]

    client = stage.join()
    assert client.redis().ping()
    client.leave()

    assert [(mode(path), path.stat().st_uid, path.stat().st_gid) for path in watched] == before


def test_everything_we_make_is_private(fresh: Stage) -> None:
    previous = os.umask(0o000)
    client = fresh.join()
    os.umask(previous)

    for folder in (fresh.folder.root, *fresh.folder.root.iterdir(), fresh.record().sockets):
        if folder.is_dir():
            assert mode(folder) == 0o700, folder
    assert {mode(path) for path in fresh.folder.keys.iterdir()} == {0o600}
    client.leave()


@needs_root
def test_another_user_reaches_neither_data_nor_sockets(stage: Stage) -> None:
    """Not even `nobody`, as whom the servers run."""
    client = stage.join()
    sockets = stage.record().sockets
    stage.folder.root.chmod(0o755)
    shield = stage.folder.root.parents
    opened = [path for path in shield if path != Path("/") and mode(path) & 0o001 == 0]
    for path in opened:
        path.chmod(mode(path) | 0o011)
    try:
        for target in (stage.folder.postgres, stage.folder.keys, sockets / "redis"):
            tried = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", str(target)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Permission denied" in tried.stderr
            assert tried.stdout == ""
    finally:
        for path in opened:
            path.chmod(mode(path) & ~0o011)
    client.leave()


@needs_root
def test_started_as_root_the_servers_run_as_nobody(running: tuple[Stage, Client]) -> None:
    stage, _ = running
    for name in ("PostgreSQL", "Redis"):
        uids = stage.server(name).uids()
        assert 0 not in (uids.real, uids.effective, uids.saved)
        status = Path(f"/proc/{stage.server(name).pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(fields["CapEff"], 16).bit_count() == 1
        assert fields["NoNewPrivs"] == "1"
        assert fields["Groups"].strip() == ""


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs util-linux' setpriv")
def test_the_few_capabilities_of_a_container_are_enough(stage: Stage) -> None:
    container = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap"
    few = ",".join(["-all", *(f"+{name}" for name in container.split(","))])
    script = (
        "import sys; from pathlib import Path;"
        "from apps.operations.embedded import ensure_environment as ensure;"
        "ensure(data_dir=Path(sys.argv[1]))"
    )
    started = subprocess.run(
        ["setpriv", f"--bounding-set={few}", sys.executable, "-c", script, str(stage.folder.root)],
        env=outside_variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (started.returncode, started.stderr) == (0, "")


def test_no_server_listens_on_the_network(running: tuple[Stage, Client]) -> None:
    stage, _ = running
    for process in stage.processes():
        assert [
            connection
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ] == []


def test_the_database_asks_for_the_password(running: tuple[Stage, Client]) -> None:
    _, client = running
    for changes in (
        {"password": "wrong"},
        {"password": ""},
        {"user": "postgres", "dbname": "postgres"},
        {"user": "postgres"},
    ):
        with pytest.raises(psycopg2.OperationalError):
            connect(client.seen["DATABASE_URL"], **changes)


def test_the_application_is_no_superuser(running: tuple[Stage, Client]) -> None:
    _, client = running
    with client.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, True)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("COPY (SELECT 1) TO PROGRAM 'cat'")


@pytest.mark.parametrize(("name", "fsync"), [("test", "off"), ("embedded", "on")])
def test_only_tests_trade_safety_for_speed(stage: Stage, name: str, fsync: str) -> None:
    client = stage.join(name)
    with client.database() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == (fsync,)
    assert client.redis().config_get("appendonly") == {"appendonly": "yes"}
    assert client.redis().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    client.leave()


def test_a_user_without_a_name_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_123)
    with pytest.raises(EmbeddedUnavailable, match="user id 4000000123 has no name"):
        server_user()


@needs_root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "theirs")
    stage.folder.root.mkdir()
    os.chown(stage.folder.root, 12345, 12345)

    client = stage.join()

    assert "belongs to user id 12345" in client.seen["refused"]
    assert list(stage.folder.root.iterdir()) == []


@pytest.mark.parametrize("name", ["key_ring", "database_password"])
def test_data_without_its_keys_is_refused_and_kept(stage: Stage, name: str) -> None:
    (stage.folder.keys / name).unlink()
    before = sorted(path.name for path in stage.folder.keys.iterdir())

    client = stage.join()

    assert f"{name} is gone" in client.seen["refused"]
    assert sorted(path.name for path in stage.folder.keys.iterdir()) == before
    assert (stage.folder.postgres / "PG_VERSION").exists()


def test_data_of_another_postgres_is_refused_and_kept(stage: Stage) -> None:
    version = stage.folder.postgres / "PG_VERSION"
    version.write_text("17\n")

    client = stage.join()

    assert "holds data of PostgreSQL 17" in client.seen["refused"]
    assert version.read_text() == "17\n"
