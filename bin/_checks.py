"""Every check of the project in one environment, with a table of what took how long.

With arguments, pytest alone with these arguments.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from apps.operations.embedded import EmbeddedUnavailable, ensure_environment  # noqa: E402

PYTEST = ("-m", "pytest")
COVERED = ("apps", "config", "finflow")
SERVICES = ("services", "services/*", "selectors", "selectors/*", "locks")
KERNELS = (
    "apps/ingestion/connectors/*",
    "apps/ingestion/formats/*",
    "apps/outbound/posting/*",
    "apps/privacy/*",
    "apps/reconciliation/matching/*",
    "apps/analytics/measures/*",
    "apps/close/scheduling/*",
    "apps/approvals/rules/*",
    "apps/approvals/selectors/*",
    "apps/approvals/services/*",
    "apps/approvals/locks.py",
    "apps/approvals/permissions.py",
    "apps/approvals/registry.py",
    "apps/approvals/states.py",
    "apps/common/calendar.py",
    "apps/reporting/documents/*",
)
# Lines and branches in percent: what each part of the product has to reach at least.
SERVICES_FLOOR = 95
KERNELS_FLOOR = 100


def coverage_step(floor_percent: int, files: Iterable[str]) -> tuple[str, ...]:
    """Report what is not covered in these files; fails below the floor."""
    include = f"--include={','.join(files)}"
    return ("-m", "coverage", "report", "--skip-covered", f"--fail-under={floor_percent}", include)


STEPS = {
    "ruff check": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "mypy": ("-m", "mypy", "."),
    "import contracts": ("-c", "from importlinter.cli import lint_imports_command as run; run()"),
    "migrations": ("manage.py", "makemigrations", "--check", "--dry-run"),
    "system checks": ("manage.py", "check"),
    "pytest": (
        *(
            *PYTEST,
            "-n",
            "2",
            "-m",
            "not nightly",
            "--durations=25",
            "--cov-branch",
            "--cov-report=",
        ),
        *(f"--cov={package}" for package in COVERED if (ROOT / package).is_dir()),
    ),
    "coverage of services": coverage_step(
        SERVICES_FLOOR, [f"apps/*/{part}.py" for part in SERVICES]
    ),
    "coverage of kernels": coverage_step(KERNELS_FLOOR, KERNELS),
}


@dataclass(frozen=True)
class Outcome:
    """How one step ended."""

    name: str
    status: int
    seconds: float


def main(arguments: list[str]) -> int:
    """Run everything, or pytest with the arguments; the status is non-zero if one failed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    try:
        ensure_environment(name="test")
    except EmbeddedUnavailable as fact:
        sys.stderr.write(f"finflow: {fact}\n")
        return 1
    if arguments:
        return run((*PYTEST, *arguments))
    outcomes = [run_step(name, words) for name, words in STEPS.items()]
    sys.stdout.write(table(outcomes))
    return 1 if any(outcome.status for outcome in outcomes) else 0


def run_step(name: str, words: tuple[str, ...]) -> Outcome:
    """Run one step under its heading."""
    sys.stdout.write(f"\n== {name}\n")
    sys.stdout.flush()
    started_at_seconds = time.monotonic()
    status = run(words)
    return Outcome(name, status, time.monotonic() - started_at_seconds)


def run(words: tuple[str, ...]) -> int:
    """Run this Python with the words, in the checkout."""
    return subprocess.run(  # noqa: S603
        [sys.executable, *words], cwd=ROOT, stdin=subprocess.DEVNULL, check=False
    ).returncode


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as lines of text."""
    width = max(len(outcome.name) for outcome in outcomes)
    lines = [
        f"{outcome.name:<{width}}  {outcome.seconds:7.1f} s  {'failed' if outcome.status else 'ok'}"
        for outcome in outcomes
    ]
    return "\n".join(["", "== summary", *lines, ""])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
