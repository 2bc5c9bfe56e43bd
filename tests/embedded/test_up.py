"""`bin/finflow up` with the real site: what runs, what is started again, what is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from apps.operations.embedded.folders import CHECKOUT
from tests.embedded.stage import Stage, all_gone, free_ports, outside_variables, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.nightly]

PORT = free_ports(4)


@dataclass
class Up:
    """A running `up` and everything that it brought to life."""

    stage: Stage
    command: subprocess.Popen[str]
    url: str
    processes: list[psutil.Process] = field(default_factory=list)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "healthz", timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False

    def named(self, words: str) -> list[psutil.Process]:
        below = psutil.Process(self.command.pid).children(recursive=True)
        return [child for child in below if words in " ".join(child.cmdline())]

    def look(self) -> None:
        """Remember every process of the site and its servers."""
        self.processes = [
            *psutil.Process(self.command.pid).children(recursive=True),
            *self.stage.processes(),
        ]


@pytest.fixture
def up(stages: Callable[[str], Stage]) -> Iterator[Up]:
    """The site on a fresh database, in a session of its own as in a terminal."""
    stage = stages("up")
    command = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "manage.py"), "up", "--port", str(PORT)],
        env=outside_variables(FINFLOW_DATA_DIR=str(stage.folder.root)),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert command.stdout is not None
    found = re.search(r"http://\S+", command.stdout.readline())
    assert found is not None
    site = Up(stage, command, found[0])
    site.look()
    yield site
    if command.poll() is None:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_request_to_stop_stops_everything(up: Up, end: signal.Signals) -> None:
    assert up.answers()

    os.killpg(up.command.pid, end)
    up.command.wait(60)

    assert all_gone(up.processes)
    assert not up.answers()


def test_after_a_kill_nothing_is_left(up: Up) -> None:
    up.command.kill()
    up.command.wait()

    wait_until(lambda: all_gone(up.processes), "everything ends")


def test_whatever_is_killed_comes_back(up: Up) -> None:
    for words in (
        "granian",
        "celery --app config.celery worker",
        "celery --app config.celery beat",
    ):
        victims = up.named(words)
        victims[0].kill()  # the leash, the program or one of its workers
        with suppress(psutil.NoSuchProcess):  # the first may have taken it with it already
            victims[-1].kill()
        wait_until(lambda: all_gone(victims), f"{words} ends")  # noqa: B023
        wait_until(lambda: up.named(words), f"{words} is back")  # noqa: B023
    wait_until(up.answers, "the site answers")

    up.stage.server("PostgreSQL").kill()
    wait_until(up.answers, "the site answers after PostgreSQL was killed")

    keeper = up.stage.keeper()
    keeper.kill()
    wait_until(lambda: all_gone([keeper]), "the keeper is dead")
    wait_until(up.answers, "the site answers after the keeper was killed")

    up.look()
    up.command.terminate()
    up.command.wait(60)
    assert all_gone(up.processes)


def test_a_second_up_names_the_site_that_runs(up: Up) -> None:
    second = subprocess.run(
        [sys.executable, str(CHECKOUT / "manage.py"), "up"],
        env=outside_variables(FINFLOW_DATA_DIR=str(up.stage.folder.root)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert up.url in second.stdout
    assert up.answers()


def test_two_sites_take_two_ports(up: Up, stages: Callable[[str], Stage], tmp_path: Path) -> None:
    other = stages("other")
    command = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "manage.py"), "up", "--port", str(PORT)],
        env=outside_variables(FINFLOW_DATA_DIR=str(other.folder.root)),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    line = command.stdout.readline()
    assert f":{PORT + 1}/" in line
    command.terminate()
    command.wait(60)
    assert up.answers()
