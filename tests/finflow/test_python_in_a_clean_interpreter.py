"""`import finflow` in a Python of its own, as somebody in a notebook or a script has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.operations.embedded.flocks import is_held
from apps.operations.embedded.folders import CHECKOUT, DataFolder
from tests.embedded.stage import Stage, outside_variables

pytestmark = pytest.mark.embedded

PRINT_STATE = """
import json, os, sys, threading
import psutil
print(json.dumps({
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "settings": os.environ.get("DJANGO_SETTINGS_MODULE"),
    "children": len(psutil.Process().children(recursive=True)),
    "threads": threading.active_count(),
    "names": dir(finflow),
    "version": finflow.__version__,
}))
"""
READ_BOOKS = """
import json
from datetime import date
import finflow
loaded = finflow.load_practice()
march = finflow.trial_balance("HFS", date(2023, 3, 31))
print(json.dumps({
    "is_new": loaded.is_new,
    "entities": [entity.code for entity in finflow.entities()],
    "closing": {code: str(sum) for code, sum in zip(march["account"], march["closing"])},
    "close": finflow.close_status("HFS", "2023-04"),
}))
"""
READ_IN_A_NOTEBOOK = f"""
import asyncio

async def cell():
    exec({READ_BOOKS!r})

asyncio.run(cell())
"""
TELL_REFUSAL = """
import finflow
try:
    finflow.connect()
except finflow.Unavailable as fact:
    print(fact)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of an installation that has the practice company."""
    made = tmp_path_factory.mktemp("python") / "data"
    yield made
    Stage(made).clear()


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Run a program in a clean interpreter; its last line of output is what it tells."""
    ours = {"FINFLOW_DATA_DIR": str(folder), "FILE_DROP_DIR": str(folder.parent / "drop")}

    def go(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=folder.parent,
            env=outside_variables(**{**ours, **variables}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return go


@pytest.fixture(scope="module")
def first(run: Run) -> dict[str, Any]:
    """What the first call of all saw: it made the database and loaded the company."""
    return told(run(READ_BOOKS))


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def works_below(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def test_importing_starts_nothing_and_configures_nothing(run: Run, tmp_path: Path) -> None:
    seen = told(run("import finflow\n" + PRINT_STATE, FINFLOW_DATA_DIR=str(tmp_path / "none")))

    assert seen["children"] == 0
    assert seen["threads"] == 1
    assert seen["settings"] is None
    assert {"django", "polars", "pandas", "celery"}.isdisjoint(seen["modules"])
    assert not (tmp_path / "none").exists()
    assert {"reconcile", "trial_balance", "close_status"} <= set(seen["names"])


def test_reconciling_frames_needs_no_database(run: Run, tmp_path: Path) -> None:
    program = """
import finflow
from datetime import date
from decimal import Decimal
import pandas as pd
side = pd.DataFrame(
    {"amount": [Decimal("1.50")], "currency": ["EUR"], "booked_on": [date(2023, 4, 1)],
     "reference": ["INV-1"]}
)
rules = {"version": "1", "passes": [{"name": "All", "kind": "exact", "keys": ["reference"]}]}
assert len(finflow.reconcile(side, side, rules, as_of=date(2023, 4, 30)).groups) == 1
"""

    seen = told(run(program + PRINT_STATE, FINFLOW_DATA_DIR=str(tmp_path / "none")))

    assert "django" not in seen["modules"]
    assert seen["children"] == 0
    assert not (tmp_path / "none").exists()


def test_the_first_call_makes_the_database_and_the_books_hold_what_was_planted(
    first: dict[str, Any],
) -> None:
    truth = json.loads((CHECKOUT / "fixtures/practice/2023-03/truth.json").read_text("utf-8"))

    assert first["is_new"]
    assert first["entities"] == ["HFS"]
    assert {code: f"{float(sum_):.2f}" for code, sum_ in first["closing"].items()} == truth[
        "ledger"
    ]["closing_balances"]
    assert first["close"] is None


def test_the_next_process_finds_everything_and_no_process_stays_behind(
    run: Run, first: dict[str, Any], folder: Path
) -> None:
    """It reads as a notebook does: inside an event loop, where Django is careful."""
    again = told(run(READ_IN_A_NOTEBOOK))

    assert again == {**first, "is_new": False}
    assert not is_held(DataFolder(folder).keeper_lock)
    assert not [process for process in psutil.process_iter() if works_below(process, folder)]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param(
            {
                "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
                "REDIS_URL": "redis://127.0.0.1:9/0",
            },
            "the database does not answer",
            id="no server there",
        ),
        pytest.param({"UPLOAD_MAX_BYTES": "much"}, "UPLOAD_MAX_BYTES is not", id="setting wrong"),
        pytest.param({"FINFLOW_DATA_DIR": "/proc/finflow"}, "cannot use", id="no folder"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_sentence(
    run: Run, first: dict[str, Any], variables: dict[str, str], said: str
) -> None:
    done = run(TELL_REFUSAL, **variables)

    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert "Traceback" not in done.stderr
