"""The main job as a newcomer runs it: real processes, a worker killed in the middle, run twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.embedded.stage import free_ports, outside_variables

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300
SPAWNED = re.compile(r"spawned: 'worker' with pid (\d+)")
TASK_DONE = re.compile(r"^ +(\d+) of 17  .*\(completed", re.MULTILINE)

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


def demo(data_folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--once", "--port", str(free_ports(1))],
        cwd=ROOT,
        env=outside_variables(
            FINFLOW_DATA_DIR=str(data_folder), FILE_DROP_DIR=str(data_folder.parent / "drop")
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def worker_pids(data_folder: Path) -> list[int]:
    log = data_folder / "logs" / "supervisord.log"
    return [int(pid) for pid in SPAWNED.findall(log.read_text())] if log.exists() else []


def read_until(process: subprocess.Popen[str], done: int) -> str:
    """What the demo says until so many tasks are done."""
    assert process.stdout is not None
    said = ""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        said += line
        if len(TASK_DONE.findall(said)) >= done:
            return said
        if not line:
            break
    pytest.fail(f"the demo says nothing new:\n{said[-2000:]}")


def test_a_killed_worker_changes_no_number_and_a_second_run_changes_nothing(
    data_folder: Path,
) -> None:
    first = demo(data_folder)
    said = read_until(first, done=2)
    (victim, *_) = worker_pids(data_folder)
    os.kill(victim, signal.SIGKILL)
    rest, _ = first.communicate(timeout=PATIENCE_SECONDS)
    said += rest
    assert first.returncode == 0, said[-3000:]
    assert len(worker_pids(data_folder)) >= 2, "the worker was not started again"
    assert "│ NO" not in said
    assert "17 of 17 tasks done" in said
    evidence = re.search(r"Evidence PDF: (\S+\.pdf)", said)
    assert evidence is not None
    assert Path(evidence.group(1)).read_bytes().startswith(b"%PDF-")
    assert "carla.controller" in said

    second = demo(data_folder)
    again, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0, again[-3000:]
    assert "nothing changed" in again
    assert "17 of 17 tasks done" in again
    assert _checks(again) == _checks(said)
    _assert_nothing_left(data_folder)


def _checks(said: str) -> str:
    """The tables of the result."""
    start, end = said.index("Reconciliations"), said.index("Evidence PDF")
    return said[start:end]


def _assert_nothing_left(data_folder: Path) -> None:
    """No process of this data folder lives on (servers end a moment after their last client)."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        left = [
            process.info["name"]
            for process in psutil.process_iter(["name", "cmdline"])
            if any(str(data_folder) in part for part in process.info["cmdline"] or [])
        ]
        if not left:
            return
        time.sleep(0.2)
    pytest.fail(f"still running: {left}")
