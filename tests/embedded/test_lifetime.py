"""The servers live exactly as long as somebody uses them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.embedded.stage import Stage, all_gone, outside_variables, wait_until

pytestmark = pytest.mark.embedded


def test_when_the_only_client_leaves_nothing_is_left(stage: Stage) -> None:
    client = stage.join()
    processes = stage.processes()
    sockets = stage.record().sockets
    assert len(processes) >= 3

    client.leave()

    # At once: the client itself waits for the servers.
    assert all_gone(processes)
    assert not sockets.exists()
    assert not stage.folder.record.exists()


def test_when_the_only_client_is_killed_nothing_is_left(stage: Stage) -> None:
    client = stage.join()
    processes = stage.processes()
    sockets = stage.record().sockets

    client.kill()

    wait_until(lambda: all_gone(processes), "keeper and servers end")
    assert not sockets.exists()


def test_two_clients_share_the_servers_until_the_last_one_leaves(stage: Stage) -> None:
    first = stage.join()
    postgres = stage.server("PostgreSQL")
    second = stage.join()
    assert second.seen["DATABASE_URL"] == first.seen["DATABASE_URL"]
    assert stage.server("PostgreSQL") == postgres

    first.leave()

    with second.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert stage.server("PostgreSQL") == postgres
    processes = stage.processes()
    second.leave()
    assert all_gone(processes)


def test_clients_that_start_at_once_find_one_pair_of_servers(stage: Stage) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from apps.operations.embedded import ensure_environment as ensure;"
        "print(ensure(data_dir=Path(sys.argv[1])).variables['DATABASE_URL']);"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(stage.folder.root)],
            env=outside_variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    urls = {process.stdout.readline() for process in processes if process.stdout}
    running = stage.processes()

    assert len(urls) == 1
    assert "postgres://" in urls.pop()
    assert [process.communicate("")[0] for process in processes] == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    wait_until(lambda: all_gone(running), "keeper and servers end")


def test_a_client_that_comes_while_the_servers_stop_gets_new_ones(stage: Stage) -> None:
    for _ in range(3):
        first = stage.join()
        first.kill()
        second = stage.join()
        with second.database() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        second.leave()


def test_two_data_folders_run_side_by_side(stages) -> None:
    here, there = stages("here"), stages("there")
    ours, theirs = here.join(), there.join()
    assert ours.redis().set("whose", "ours")

    assert theirs.redis().get("whose") is None
    ours.leave()
    assert theirs.redis().ping()
    theirs.leave()


def test_the_first_start_makes_keys_and_database(fresh: Stage) -> None:
    client = fresh.join()
    with client.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone() == ("finflow", "finflow")
    assert sorted(path.name for path in fresh.folder.keys.iterdir()) == [
        "database_password",
        "evidence_certificate.pem",
        "evidence_key.pem",
        "jwt_private_key.pem",
        "key_ring",
        "secret_key",
    ]
    client.leave()


def test_a_first_start_that_was_killed_is_begun_again(fresh: Stage) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from apps.operations.embedded import ensure_environment as ensure;"
        "ensure(data_dir=Path(sys.argv[1]))"
    )
    starting = subprocess.Popen(
        [sys.executable, "-c", script, str(fresh.folder.root)],
        env=outside_variables(),
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: list(fresh.folder.servers.glob("postgres.new-*")), "initdb is at work")
    starting.kill()
    starting.wait()

    client = fresh.join()
    with client.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    client.leave()
    assert not list(fresh.folder.servers.glob("postgres.new-*"))
