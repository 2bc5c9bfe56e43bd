"""bin/finflow on a machine that has only Python: in a small checkout that installs one package."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from apps.operations.embedded.folders import CHECKOUT
from tests.embedded.stage import outside_variables, wait_until

pytestmark = pytest.mark.embedded

SCRIPTS = ("_start", "_bootstrap.py", "finflow", "demo", "test")
MANAGE = """
import sys, greeting
print(greeting.WORD, sys.prefix, *sys.argv[1:])
"""


def make_wheel(folder: Path, version: str) -> Path:
    """A package `greeting` that knows its version."""
    wheel = folder / f"greeting-{version}-py3-none-any.whl"
    about = f"greeting-{version}.dist-info"
    files = {
        "greeting.py": f"WORD = 'hello {version}'\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{name},sha256={urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()},"
        for name, text in files.items()
    ]
    files[f"{about}/RECORD"] = "\n".join([*rows, f"{about}/RECORD,,"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without the time of day
    return wheel


class Checkout:
    """A checkout with our start scripts and a package index of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy2(CHECKOUT / "bin" / name, root / "bin" / name)
        (root / "manage.py").write_text(MANAGE)
        (root / "bin" / "_checks.py").write_text(MANAGE)
        self.wheels = root.parent / "wheels"  # pip splits lists of folders at blanks
        self.wheels.mkdir()
        self.lock("1.0")

    def lock(self, version: str) -> None:
        wheel = make_wheel(self.wheels, version)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        for name in ("requirements.lock", "requirements-dev.lock"):
            (self.root / name).write_text(
                f"# {name}\ngreeting=={version} \\\n    --hash=sha256:{digest}\n"
            )

    def variables(self) -> dict[str, str]:
        return outside_variables(
            FINFLOW_PYTHON=sys.executable,
            PYTHONPATH="",
            PIP_NO_INDEX="1",
            PIP_FIND_LINKS=str(self.wheels),
        )

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / "bin" / script), *arguments],
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "bin" / script), *arguments],
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Set up once, by two starts at the same time; each test leaves it installed."""
    made = Checkout(tmp_path_factory.mktemp("start") / "our checkout")
    starts = [made.start("finflow", "check"), made.start("demo", "--once")]
    outputs = [start.communicate(timeout=120) for start in starts]
    assert [start.returncode for start in starts] == [0, 0], outputs
    words = "".join(errors for _, errors in outputs)
    assert words.count("installing 1 packages") == 1  # the other one waited
    assert "waiting for another start" in words
    venv = made.root / ".venv"
    assert [output for output, _ in outputs] == [
        f"hello 1.0 {venv} check\n",
        f"hello 1.0 {venv} demo --once\n",
    ]
    return made


def test_a_second_start_installs_nothing(checkout: Checkout) -> None:
    ended = checkout.run("finflow", "migrate", "--plan")

    assert ended.stdout == f"hello 1.0 {checkout.root / '.venv'} migrate --plan\n"
    assert ended.stderr == ""


def test_the_tests_install_their_own_lock(checkout: Checkout) -> None:
    ended = checkout.run("test", "-k", "ledger")

    assert ended.stdout == f"hello 1.0 {checkout.root / '.venv'} -k ledger\n"
    assert "installing 1 packages" in ended.stderr
    # The larger lock holds the smaller one.
    assert checkout.run("finflow").stderr == ""


def test_a_changed_lock_is_installed(checkout: Checkout) -> None:
    checkout.lock("2.0")
    assert checkout.run("finflow").stdout.startswith("hello 2.0")
    checkout.lock("1.0")
    assert checkout.run("finflow").stdout.startswith("hello 1.0")


def test_a_package_that_is_not_what_the_lock_says_is_refused(checkout: Checkout) -> None:
    lock = checkout.root / "requirements.lock"
    good = lock.read_text()
    lock.write_text("greeting==3.0 --hash=sha256:" + "0" * 64 + "\n")
    make_wheel(checkout.wheels, "3.0")

    refused = checkout.run("finflow")

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert refused.stderr.strip().endswith("mend the above (network?) and start again")
    lock.write_text(good)
    assert checkout.run("finflow").returncode == 0


def test_an_installation_that_was_killed_is_done_again(checkout: Checkout) -> None:
    stamp = checkout.root / ".venv" / "finflow-installed.json"
    good = json.loads(stamp.read_text())
    checkout.lock("2.0")
    start = checkout.start("finflow")
    wait_until(lambda: not stamp.exists(), "the installation begins")
    os.killpg(start.pid, signal.SIGKILL)
    start.communicate()
    assert not stamp.exists()
    checkout.lock("1.0")

    assert checkout.run("finflow").stdout.startswith("hello 1.0")
    assert json.loads(stamp.read_text())["finflow"] == good["finflow"]


def test_a_broken_environment_is_made_anew(checkout: Checkout) -> None:
    python = checkout.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")

    ended = checkout.run("finflow")

    assert ended.stdout.startswith("hello 1.0")
    assert "making the Python environment" in ended.stderr


def test_the_scripts_work_from_any_folder(checkout: Checkout, tmp_path: Path) -> None:
    ended = subprocess.run(
        [os.path.relpath(checkout.root / "bin" / "finflow", tmp_path)],
        cwd=tmp_path,
        env=checkout.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.startswith("hello 1.0")


@pytest.mark.parametrize(
    ("pythons", "words"),
    [
        ({}, "needs Python 3.11 or newer"),
        ({"python3": "exit 1"}, "needs Python 3.11 or newer"),
        (
            {"python3": 'case "$2" in *ensurepip*) exit 1;; esac'},
            "python3 cannot make virtual environments",
        ),
    ],
    ids=["no Python", "an old Python", "a Python without venv"],
)
def test_an_unfit_python_is_named_in_one_line(
    tmp_path: Path, pythons: dict[str, str], words: str
) -> None:
    made = Checkout(tmp_path / "checkout")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "dirname").symlink_to(shutil.which("dirname") or "")
    for name, body in pythons.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)

    ended = subprocess.run(
        ["/bin/sh", str(made.root / "bin" / "finflow"), "check"],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (made.root / ".venv").exists()
