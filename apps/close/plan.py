"""A close template read and checked: plain mappings in, planned tasks out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.close.errors import TemplateInvalid
from apps.close.scheduling import (
    Deadline,
    Dependency,
    DependencyKind,
    SchedulingRefusal,
    Task,
    TaskGraph,
    parse_deadline,
)
from apps.common.roles import ROLES

_REQUIRED: Final[dict[str, Any]] = {
    "id": str,
    "name": str,
    "dependencies": list,
    "automation": bool,
    "duration_estimate": int,
    "owner_role": str,
}
_OPTIONAL: Final[dict[str, Any]] = {"handler": str, "parameters": dict, "deadline": (dict, str)}


@dataclass(frozen=True)
class PlannedTask:
    """One task of a template."""

    key: str
    name: str
    dependencies: tuple[Dependency, ...]
    is_automated: bool
    duration_estimate_minutes: int
    owner_role: str
    handler: str
    parameters: Mapping[str, Any]
    deadline: Deadline


def read_plan(tasks: Sequence[Mapping[str, Any]]) -> tuple[PlannedTask, ...]:
    """Check a template's tasks and return them in their order.

    Each task has the keys `id`, `name`, `dependencies`, `automation`,
    `duration_estimate` (minutes), `owner_role`, and may have `handler` and `parameters` (an
    automated task must have a handler) and `deadline` (see `scheduling.parse_deadline`; default:
    one business day after the period ends). A dependency is a task id, or a mapping with
    `predecessor`, `kind`, `lag_minutes`, `is_hard`.

    Raises:
        TemplateInvalid: names the task and the key; a cycle with its path.
    """
    if not tasks:
        raise TemplateInvalid("A template has at least one task.", field="tasks")
    plan = tuple(_read_task(number, task) for number, task in enumerate(tasks, start=1))
    try:
        TaskGraph(
            Task(planned.key, planned.duration_estimate_minutes, planned.dependencies)
            for planned in plan
        )
    except SchedulingRefusal as refusal:
        raise TemplateInvalid(str(refusal), field="tasks") from None
    return plan


def _read_task(number: int, task: Mapping[str, Any]) -> PlannedTask:
    place = f"Task {number} ({task.get('id', 'no id')})"
    _require_keys(place, task)
    if task["owner_role"] not in ROLES:
        raise TemplateInvalid(f"{place}: owner_role is no role.", field="tasks")
    if task["automation"] and not task.get("handler"):
        raise TemplateInvalid(f"{place}: an automated task needs a handler.", field="tasks")
    try:
        return PlannedTask(
            key=task["id"],
            name=task["name"],
            dependencies=tuple(_read_dependency(link) for link in task["dependencies"]),
            is_automated=task["automation"],
            duration_estimate_minutes=task["duration_estimate"],
            owner_role=task["owner_role"],
            handler=task.get("handler", ""),
            parameters=task.get("parameters", {}),
            deadline=parse_deadline(task.get("deadline", {"business_days_after_period_end": 1})),
        )
    except (SchedulingRefusal, KeyError, TypeError, ValueError) as error:
        raise TemplateInvalid(f"{place}: {error}", field="tasks") from None


def _require_keys(place: str, task: Mapping[str, Any]) -> None:
    missing = sorted(set(_REQUIRED) - set(task))
    unknown = sorted(set(task) - set(_REQUIRED) - set(_OPTIONAL))
    if missing or unknown:
        words = [f"{key} is missing" for key in missing] + [
            f"{key} is not known" for key in unknown
        ]
        raise TemplateInvalid(f"{place}: {', '.join(words)}.", field="tasks")
    for key, kind in {**_REQUIRED, **_OPTIONAL}.items():
        if key in task and (
            not isinstance(task[key], kind) or (kind is int and isinstance(task[key], bool))
        ):
            raise TemplateInvalid(f"{place}: {key} has the wrong type.", field="tasks")


def _read_dependency(link: str | Mapping[str, Any]) -> Dependency:
    if isinstance(link, str):
        return Dependency(link)
    return Dependency(
        predecessor=link["predecessor"],
        kind=DependencyKind(link.get("kind", DependencyKind.FINISH_START)),
        lag_minutes=link.get("lag_minutes", 0),
        is_hard=link.get("is_hard", True),
    )
