"""Section 6: who did what, in which role and with what authority at that time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from reportlab.platypus import Flowable

from ..content import Act, Task
from ..figures import write_instant
from ..tables import Column
from .blocks import answer, counted, facts, ledger, prose, subheading

_TASK_COLUMNS = (
    Column("No.", 28),
    Column("Task", 182),
    Column("How", 60),
    Column("Status", 75),
    Column("Started", 77),
    Column("Finished", 77),
)
_ACT_COLUMNS = (
    Column("No.", 28),
    Column("Act", 50),
    Column("Person", 72),
    Column("Role and authority at the time", 140),
    Column("On behalf of", 54),
    Column("When", 77),
    Column("Authentication", 78),
)


def execution_story(tasks: Sequence[Task]) -> list[Flowable]:
    """Tasks, then acts, then what the reviews looked at."""
    statuses = Counter(task.status for task in tasks)
    acts = [act for task in tasks for act in task.acts]
    story = answer(
        f"{counted(len(tasks), 'task', 'tasks')}: "
        f"{', '.join(f'{count:,} {status}' for status, count in statuses.most_common())}. "
        f"{_who_acted(acts)}"
    )
    story += ledger(_TASK_COLUMNS, map(_task_row, tasks))
    story += subheading("6.1", "Preparation, review and approval")
    if not acts:
        return story + prose("No act of a person is recorded; the tasks ran by themselves.")
    story += ledger(_ACT_COLUMNS, _act_rows(tasks))
    return story + _reviews(tasks)


def _who_acted(acts: Sequence[Act]) -> str:
    by_people = [act for act in acts if not act.is_automated]
    people = counted(len({act.person for act in by_people}), "person", "people")
    told = f"{counted(len(by_people), 'act', 'acts')} by {people}"
    automated = len(acts) - len(by_people)
    return f"{told}, {automated:,} by the system." if automated else f"{told}."


def _task_row(task: Task) -> list[str]:
    started, finished = _moment(task.started_at), _moment(task.finished_at)
    return [task.number, task.name, task.automation, task.status, started, finished]


def _moment(instant: datetime | None) -> str:
    return "—" if instant is None else write_instant(instant)


def _act_rows(tasks: Sequence[Task]) -> Iterable[list[str]]:
    for task in tasks:
        for act in task.acts:
            yield [
                task.number,
                act.did,
                act.person,
                _authority(act),
                act.on_behalf_of or "—",
                write_instant(act.acted_at),
                act.authentication,
            ]


def _authority(act: Act) -> str:
    lines = [f"{act.role}: {act.authority}"]
    lines += [f"Comment: {act.comment}"] if act.comment else []
    lines += [f"{each.kind} {each.name}, SHA-256 {each.sha256}" for each in act.exhibits]
    lines += [f"Evidence as decided on: {act.evidence_hash}"] if act.evidence_hash else []
    return "\n".join(lines)


def _reviews(tasks: Sequence[Task]) -> list[Flowable]:
    story: list[Flowable] = []
    reviewed = [(task, task.review) for task in tasks if task.review is not None]
    for number, (task, review) in enumerate(reviewed, start=2):
        story += subheading(f"6.{number}", f"Review of task {task.number}, {task.name}")
        story += facts(
            [
                ("Expectation", review.expectation),
                ("Threshold", review.threshold),
                ("Examined", review.examined),
                ("Questions", review.questions or "none were raised"),
                ("Resolution", review.resolution),
            ]
        )
    return story
