"""A data folder to try things on, and processes that use it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
import psutil
import psycopg2
import pytest
import redis

from apps.operations.embedded.flocks import is_held
from apps.operations.embedded.folders import CHECKOUT, DataFolder
from apps.operations.embedded.record import Record, read_record

CLIENT = Path(__file__).with_name("client.py")
EMBEDDED_VARIABLES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FINFLOW_KEY_RING")
PATIENCE_SECONDS = 30


def wait_until(is_so: Callable[[], Any], what: str) -> Any:
    """Wait until the condition holds and return its value; fail with `what` if it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := is_so():
            return value
        time.sleep(0.02)
    pytest.fail(f"still waiting: {what}")


def outside_variables(**more: str) -> dict[str, str]:
    """Our environment as a newcomer's would be: without a trace of the one that tests run in."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("FINFLOW_", "DJANGO_", "JWT_", "EVIDENCE_"))
        and key not in EMBEDDED_VARIABLES
    }
    return {**kept, "PYTHONPATH": str(CHECKOUT), **more}


def free_ports(count: int) -> int:
    """The first of some ports in a row that nobody uses, below those the kernel hands out."""
    while True:
        first = 20_000 + secrets.randbelow(10_000)
        try:
            for number in range(first, first + count):
                socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        return first


@dataclass
class Client:
    """A process that holds the environment, and what it saw."""

    process: subprocess.Popen[str]
    seen: dict[str, Any]

    def leave(self) -> None:
        """End in order: the process closes its environment."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_SECONDS) == 0

    def kill(self) -> None:
        """End by SIGKILL."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def revive(self) -> None:
        """Have it look after the keeper."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("revive", file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"

    def database(self) -> Any:
        """A connection to its database."""
        return connect(self.seen["DATABASE_URL"])

    def redis(self) -> redis.Redis:
        """A connection to its Redis."""
        return redis.Redis.from_url(self.seen["REDIS_URL"])


def connect(url: str, **changes: str) -> Any:
    """Connect to PostgreSQL, with other parameters than the URL's if given."""
    found = environ.Env.db_url_config(url)
    parameters = {
        "host": found["HOST"],
        "dbname": found["NAME"],
        "user": found["USER"],
        "password": found["PASSWORD"],
    }
    return psycopg2.connect(**{**parameters, **changes})


class Stage:
    """A data folder, the clients started on it and the processes behind it."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root)
        self.clients: list[Client] = []

    def join(self, name: str = "embedded", **variables: str) -> Client:
        """Start a client and wait until it has its environment."""
        process = subprocess.Popen(
            [sys.executable, str(CLIENT), str(self.folder.root), name],
            env=outside_variables(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        client = Client(process, {})
        self.clients.append(client)
        client.seen = json.loads(process.stdout.readline())
        return client

    def record(self) -> Record:
        """What the keeper wrote down."""
        found = read_record(self.folder)
        assert found is not None
        return found

    def server(self, name: str) -> psutil.Process:
        """The process of `PostgreSQL` or `Redis`, once it is the recorded one."""

        def alive() -> psutil.Process | None:
            record = read_record(self.folder)
            data = {"PostgreSQL": self.folder.postgres, "Redis": self.folder.redis}[name]
            return record and record.traces[name].process(data)

        return wait_until(alive, f"{name} runs")

    def keeper(self) -> psutil.Process:
        """The keeper: the servers' parent."""
        parent = self.server("Redis").parent()
        assert parent is not None
        return parent

    def processes(self) -> list[psutil.Process]:
        """The keeper and everything below it."""
        keeper = self.keeper()
        return [keeper, *keeper.children(recursive=True)]

    def kill_everything(self) -> None:
        """SIGKILL to clients, keeper and servers, too quick for any of them to react."""
        keeper = self.keeper()
        keeper.suspend()  # or it would start the servers again
        below = keeper.children(recursive=True)
        for process in [*below, keeper]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for client in self.clients:
            client.kill()
        wait_until(lambda: all_gone([keeper, *below]), "all are dead")

    def clear(self) -> None:
        """End the clients; the servers must follow by themselves, and are killed if not."""
        for client in self.clients:
            if client.process.poll() is None:
                client.kill()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.folder.keeper_lock.exists() and is_held(self.folder.keeper_lock):
            if time.monotonic() > deadline:
                self.kill_everything()
                pytest.fail("the servers outlived their clients")
            time.sleep(0.02)
        record = read_record(self.folder) if self.folder.servers.exists() else None
        if record is not None:  # its keeper was killed, and there was no next start
            shutil.rmtree(record.sockets, ignore_errors=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs any more; a corpse that nobody collects does not run."""
    return not any(is_alive(process) for process in processes)


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
