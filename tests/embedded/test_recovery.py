"""Whatever dies, and however, the next moment or the next start puts it right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from apps.operations.embedded import redis_server
from tests.embedded.stage import Client, Stage, all_gone, outside_variables, wait_until

pytestmark = pytest.mark.embedded


def remember(client: Client, text: str) -> None:
    with client.database() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE memory (word text)")
        cursor.execute("INSERT INTO memory VALUES (%s)", [text])
    connection.close()


def recall(client: Client) -> Any:
    try:
        connection = client.database()
    except psycopg2.OperationalError:
        return None
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM memory")
        found = cursor.fetchone()
    connection.close()
    return found


def test_a_killed_postgres_is_back_with_its_data(stage: Stage) -> None:
    client = stage.join()
    remember(client, "kept")
    open_session = client.database()  # its backend must not keep the successor out
    before = stage.server("PostgreSQL")

    before.kill()

    assert wait_until(lambda: recall(client), "PostgreSQL answers again") == ("kept",)
    assert stage.server("PostgreSQL") != before
    open_session.close()
    client.leave()


def test_a_busy_session_of_a_killed_postgres_does_not_keep_the_successor_out(
    stage: Stage,
) -> None:
    client = stage.join()
    remember(client, "kept")
    busy = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from tests.embedded.stage import connect\n"
            "cursor = connect(sys.argv[1]).cursor()\n"
            "cursor.execute('SELECT count(*) FROM generate_series(1, 100000000000)')",
            client.seen["DATABASE_URL"],
        ],
        env=outside_variables(),
        stderr=subprocess.DEVNULL,
    )
    postgres = stage.server("PostgreSQL")

    def is_busy() -> bool:
        with client.database() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE state = 'active' AND query LIKE '%generate_series%'"
                " AND pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0] == 1

    wait_until(is_busy, "the session computes")
    postgres.kill()

    assert wait_until(lambda: recall(client), "PostgreSQL answers again") == ("kept",)
    assert busy.wait(10) != 0
    client.leave()


def test_a_killed_redis_is_back_with_its_data(stage: Stage) -> None:
    client = stage.join()
    assert client.redis().rpush("queue", "work") == 1
    before = stage.server("Redis")

    before.kill()

    wait_until(lambda: all_gone([before]), "Redis is dead")
    assert stage.server("Redis") != before
    wait_until(lambda: redis_server.is_ready(stage.record().sockets), "Redis answers")
    assert client.redis().lrange("queue", 0, -1) == [b"work"]
    client.leave()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a dead parent's children")
def test_the_servers_of_a_killed_keeper_end(stage: Stage) -> None:
    client = stage.join()
    processes = stage.processes()

    stage.keeper().kill()

    wait_until(lambda: all_gone(processes), "PostgreSQL and Redis end")
    client.leave()


def test_a_client_revives_the_servers_of_a_killed_keeper_at_the_same_address(stage: Stage) -> None:
    client = stage.join()
    remember(client, "kept")
    keeper = stage.keeper()

    keeper.kill()
    wait_until(lambda: all_gone([keeper]), "the keeper is dead")
    client.revive()

    assert recall(client) == ("kept",)
    assert client.redis().ping()
    processes = stage.processes()
    client.leave()
    assert all_gone(processes)


def test_servers_that_outlived_their_keeper_are_stopped_by_the_next_start(stage: Stage) -> None:
    """As where the kernel does not signal them: here they are too slow to obey."""
    client = stage.join()
    old = [stage.server("PostgreSQL"), stage.server("Redis")]
    for server in old:
        server.suspend()
    stage.keeper().kill()
    client.kill()
    for server in old:
        assert server.is_running()

    late = stage.join()

    assert all_gone(old)
    assert late.redis().ping()
    late.leave()


def test_after_everything_was_killed_the_next_start_works(stage: Stage) -> None:
    client = stage.join()
    remember(client, "kept")
    stage.kill_everything()
    assert (stage.folder.postgres / "postmaster.pid").exists()

    again = stage.join()

    assert recall(again) == ("kept",)
    again.leave()


def test_a_stale_pid_file_with_the_number_of_another_process_does_not_matter(stage: Stage) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    pid_file = stage.folder.postgres / "postmaster.pid"
    pid_file.write_text(f"{bystander.pid}\n{stage.folder.postgres}\n1\n5432\n\n\n1 1\nready\n")

    client = stage.join()

    assert client.redis().ping()
    assert bystander.poll() is None
    client.leave()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_record_with_numbers_of_other_processes_does_not_matter(stage: Stage) -> None:
    client = stage.join()
    content = stage.folder.record.read_text()
    pids = [trace.pid for trace in stage.record().traces.values()]
    client.leave()
    bystander = subprocess.Popen(["sleep", "60"])
    for pid in pids:
        content = content.replace(f"[{pid},", f"[{bystander.pid},")
    stage.folder.record.write_text(content)

    again = stage.join()

    assert again.redis().ping()
    assert bystander.poll() is None
    again.leave()
    bystander.kill()
    bystander.wait()


def test_a_data_folder_moves_with_its_checkout(stage: Stage, tmp_path: Path) -> None:
    client = stage.join()
    remember(client, "kept")
    client.leave()
    moved = Stage(tmp_path / "elsewhere" / "data")
    moved.folder.root.parent.mkdir()
    stage.folder.root.rename(moved.folder.root)

    again = moved.join()

    assert recall(again) == ("kept",)
    again.leave()


def test_a_copy_of_a_folder_in_use_leaves_the_original_alone(stage: Stage, tmp_path: Path) -> None:
    client = stage.join()
    processes = stage.processes()
    subprocess.run(["cp", "-a", str(stage.folder.root), str(tmp_path / "copy")], check=False)
    copy = Stage(tmp_path / "copy")

    other = copy.join()

    assert not all_gone(processes[:1])
    assert client.redis().ping()
    assert copy.record().sockets != stage.record().sockets
    other.leave()
    assert client.redis().ping()
    client.leave()


def test_a_socket_folder_that_was_swept_away_is_made_anew(stage: Stage) -> None:
    stage.join()
    sockets = stage.record().sockets
    stage.kill_everything()
    shutil.rmtree(sockets)
    sockets.symlink_to("/etc")  # somebody put a trap in its place

    again = stage.join()

    assert again.redis().ping()
    assert stage.record().sockets != sockets
    again.leave()
    assert os.readlink(sockets) == "/etc"
    sockets.unlink()
