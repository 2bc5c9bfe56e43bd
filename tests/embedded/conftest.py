"""Data folders with keys and databases in them, ready to be used."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.stage import Client, Stage


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with keys and databases, stopped: making them takes a second or two."""
    stage = Stage(tmp_path_factory.mktemp("prepared") / "data")
    stage.join().leave()
    yield stage.folder.root
    shutil.rmtree(stage.folder.root)


@pytest.fixture(scope="session")
def running(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stage, Client]]:
    """A running stage for tests that only look."""
    root = tmp_path_factory.mktemp("running")
    subprocess.run(["cp", "-a", str(prepared), str(root / "data")], check=True)
    stage = Stage(root / "data")
    yield stage, stage.join()
    stage.clear()
    shutil.rmtree(root)


@pytest.fixture
def stages(prepared: Path, tmp_path: Path) -> Iterator[Callable[[str], Stage]]:
    """Make stages with data of their own."""
    made: list[Stage] = []

    def make(name: str) -> Stage:
        subprocess.run(["cp", "-a", str(prepared), str(tmp_path / name)], check=True)
        made.append(Stage(tmp_path / name))
        return made[-1]

    yield make
    for stage in made:
        stage.clear()
    shutil.rmtree(tmp_path)  # 60 MB for each stage, and its copies


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stage]:
    """A data folder that does not exist yet."""
    made = Stage(tmp_path / "new")
    yield made
    made.clear()
    shutil.rmtree(made.folder.root, ignore_errors=True)


@pytest.fixture
def stage(stages: Callable[[str], Stage]) -> Stage:
    """A data folder that was used before and is at rest."""
    return stages("data")
