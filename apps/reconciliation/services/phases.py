"""A run tells what it is at, over the transaction that carries it out (`apps.common.phases`)."""

from __future__ import annotations

from apps.common.phases import Phase, tell_phase
from apps.reconciliation.matching import Step, Watch
from apps.reconciliation.models import Run
from apps.reconciliation.states import RUN_AT_WORK, RunPhase


def tell(run: Run, phase: RunPhase, *, step: int = 0, done: int = 0, total: int = 0) -> None:
    """Say what a locked run is at; `done` and `total` are rows."""
    tell_phase(RUN_AT_WORK, run.pk, Phase(phase.value, step, done, total))


def watching(run: Run, row_count: int) -> Watch:
    """What the kernel tells, passed on: each pass, and that all are through.

    Args:
        row_count: all records of the run; those that are not open count as matched.
    """

    def told(step: Step) -> None:
        phase = RunPhase.MATCHING if step.pass_number else RunPhase.CLASSIFYING
        done = row_count - step.open_count
        tell(run, phase, step=step.pass_number, done=done, total=row_count)

    return told
