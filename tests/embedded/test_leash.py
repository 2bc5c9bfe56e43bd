"""A program on the leash leaves nothing behind, whoever is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.embedded.stage import all_gone, outside_variables, wait_until

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on"),
]

# A main process with a worker that ignores polite requests.
PROGRAM = """
import os, signal, sys, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
    os._exit(0)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
sys.stdout.write("up\\n")
sys.stdout.flush()
time.sleep(60)
"""


def start() -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    leash = subprocess.Popen(
        [sys.executable, "-m", "apps.operations.embedded.leash", sys.executable, "-c", PROGRAM],
        env=outside_variables(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert leash.stdout is not None
    assert leash.stdout.readline() == "up\n"
    below = psutil.Process(leash.pid).children(recursive=True)
    assert len(below) == 2
    return leash, below


def test_a_killed_main_process_takes_its_workers_along() -> None:
    leash, below = start()
    below[0].kill()
    assert leash.wait(10) == 128 + signal.SIGKILL
    assert all_gone(below)


def test_a_request_to_stop_is_passed_on() -> None:
    leash, below = start()
    leash.terminate()
    assert leash.wait(10) == 7
    assert all_gone(below)


def test_a_killed_leash_ends_the_program() -> None:
    leash, below = start()
    leash.kill()
    leash.wait(10)
    wait_until(lambda: all_gone(below[:1]), "the main process ends")
    below[1].kill()  # it ignores SIGTERM, and nobody is left to insist


def test_the_leash_ends_with_its_parent() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "subprocess.Popen([sys.executable, '-m', 'apps.operations.embedded.leash',"
            " 'sleep', '60'])\n"
            "time.sleep(60)",
        ],
        env=outside_variables(),
    )

    def sleepers() -> list[psutil.Process]:
        below = psutil.Process(parent.pid).children(recursive=True)
        return below if len(below) == 2 and below[1].name() == "sleep" else []

    below = wait_until(sleepers, "the program runs")
    time.sleep(0.05)
    parent.kill()
    parent.wait()

    wait_until(lambda: all_gone(below), "leash and program end")


def test_the_exit_status_is_the_programs() -> None:
    command = [sys.executable, "-m", "apps.operations.embedded.leash"]
    ended = subprocess.run(
        [*command, sys.executable, "-c", "raise SystemExit(3)"],
        env=outside_variables(),
        check=False,
    )
    assert ended.returncode == 3
