"""Evidence section on what was changed by way of exception while the period was closed."""

from __future__ import annotations

import json
from typing import Any

from apps.audit.models import Event
from apps.close.models import CloseRun
from apps.reporting.documents import Change
from apps.reporting.states import EVIDENCE_HANDLER

# Second tries and returns of tasks; edits of entries; whatever changes who may do what, which
# rules hold, or what is posted where. What a close always does is told in the other sections.
ACTIONS = frozenset(
    {
        "approvals.limit.define",
        "approvals.limit.retire",
        "approvals.policy.define",
        "approvals.policy.drop",
        "approvals.policy.propose",
        "approvals.policy.retire",
        "approvals.rate.enter",
        "approvals.request.reassign",
        "approvals.request.revoke",
        "approvals.request.supersede",
        "approvals.request.withdraw",
        "close.run.reopen",
        "close.task.fail",
        "close.task.interrupt",
        "close.task.redo",
        "close.task.requeue",
        "close.task.retry",
        "close.task.return",
        "close.task.stale",
        "close.template.define",
        "compliance.control.define",
        "identity.role.grant",
        "identity.role.revoke",
        "ingestion.source.define",
        "ingestion.source.remap",
        "ingestion.source.retire",
        "ledger.account.define",
        "ledger.account.reinstate",
        "ledger.account.rename",
        "ledger.account.retire",
        "ledger.entry.cancel",
        "ledger.entry.reverse",
        "ledger.entry.revise",
        "ledger.entry.withdraw",
        "ledger.period.archive",
        "ledger.period.close",
        "ledger.period.open",
        "ledger.period.soft_close",
        "ledger.reopening.drop",
        "ledger.reopening.end",
        "ledger.reopening.open",
        "ledger.reopening.propose",
        "reconciliation.match_type.define",
        "reconciliation.rule_set.add",
        "reconciliation.run.supersede",
    }
)


def changes(run: CloseRun) -> tuple[Change, ...]:
    """What the audit trail holds of these actions on the entity since the run was opened.

    Tasks count by their run: an entity may close two periods at a time.
    """
    names = {str(task.pk): task.name for task in run.tasks.all()}
    events = (
        Event.objects.filter(
            action__in=ACTIONS, entity_id=run.entity_id, occurred_at__gte=run.opened_at
        )
        .exclude(subject_type="close.closetask", subject_id__in=_tasks_left_out(run))
        .select_related("actor")
        .order_by("id")
    )
    return tuple(
        _change(event, names)
        for event in events
        if event.subject_type != "close.closetask" or event.subject_id in names
    )


def _tasks_left_out(run: CloseRun) -> list[str]:
    own = run.tasks.filter(handler=EVIDENCE_HANDLER).values_list("pk", flat=True)
    return [str(pk) for pk in own]


def _change(event: Event, names: dict[str, str]) -> Change:
    kind = event.subject_type.partition(".")[2]
    is_task = kind == "closetask"
    facts = dict(event.details)
    reason = facts.pop("reason", "") or (facts.pop("code", "") if is_task else "")
    said = {name: value for name, value in sorted(facts.items()) if value not in (None, "")}
    return Change(
        changed_at=event.occurred_at,
        person=str(event.actor),
        action=event.action,
        subject=names[event.subject_id] if is_task else f"{kind} {event.subject_id}",
        detail="; ".join(
            f"{name.replace('_', ' ')}: {_written(value)}" for name, value in said.items()
        )
        or "—",
        reason=str(reason) or "—",
    )


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
