"""Evidence sections on what was done: tasks, approvals, attestations."""

from __future__ import annotations

from collections.abc import Iterable

from apps.approvals.models import Attachment, Decision, Request
from apps.approvals.states import Verdict
from apps.audit.models import Event
from apps.close.models import CloseRun, CloseTask, TaskApproval
from apps.close.states import AttemptStatus
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.reporting.documents import Act, Attestation, Exhibit, Omission, Task
from apps.reporting.services.sign_ins import SignIns

_PAST = {Verdict.APPROVE: "Approved", Verdict.REJECT: "Rejected", Verdict.RETURN: "Returned"}
_PROCESS = "Automated"


class Work:
    """What people and processes did in one run, read in a fixed number of queries.

    Attributes:
        rows: the run's tasks in template order.
        decisions: every decision that a task of the run waited for, oldest first.
    """

    def __init__(self, run: CloseRun) -> None:
        """Args: run: with its entity."""
        self._entity_code = run.entity.code
        self._system = system_user()
        self.rows = list(
            CloseTask.objects.filter(run=run)
            .select_related("owner", "completed_by")
            .prefetch_related("attempts")
            .order_by("position")
        )
        self._requests = _requests_by_task(run)
        asked = {each.pk for requests in self._requests.values() for each in requests}
        self._submitters = _submitters(asked)
        self.decisions = _decisions_on(asked)
        self._attachments = _attachments_on(asked)
        self._sign_ins = SignIns(
            {
                *(decision.approver_id for decision in self.decisions),
                *(user.pk for user in self._submitters.values()),
                *(attachment.attached_by_id for attachment in self._attachments),
                *(row.completed_by_id for row in self.rows if row.completed_by_id),
            }
        )

    def tasks(self) -> tuple[Task, ...] | Omission:
        """The tasks of the close with everybody who acted on them."""
        told = tuple(self._task(number, row) for number, row in enumerate(self.rows, start=1))
        return told or Omission("The close has no tasks.")

    def attestations(self) -> tuple[Attestation, ...] | Omission:
        """What approvers confirmed, word for word."""
        made = tuple(
            Attestation(
                text=decision.attestation_text,
                text_version=str(decision.request.policy.version),
                signer=str(decision.approver),
                role=f"{decision.capacity}: {decision.request.title}",
                signed_at=decision.decided_at,
                signature=f"decision {decision.pk} on request {decision.request_id}",
            )
            for decision in self.decisions
            if decision.attestation_text
        )
        return made or Omission("No policy in force asked for an attestation.")

    def _task(self, number: int, row: CloseTask) -> Task:
        return Task(
            number=str(number),
            name=row.name,
            status=row.get_status_display(),
            automation="Automated" if row.is_automated else "Waits for people",
            started_at=row.started_at,
            finished_at=row.completed_at,
            acts=(*self._attempts(row), *self._by_hand(row), *self._approvals(row)),
        )

    def _attempts(self, row: CloseTask) -> list[Act]:
        return [
            Act(
                did=_outcome(attempt.number, attempt.status),
                person=str(self._system),
                role="system",
                authority=row.handler,
                acted_at=attempt.finished_at or attempt.started_at,
                authentication=_PROCESS,
                on_behalf_of=str(row.owner) if row.owner else "",
                comment=attempt.error_message,
                is_automated=True,
            )
            for attempt in row.attempts.all()
        ]

    def _by_hand(self, row: CloseTask) -> list[Act]:
        if row.completed_by is None or row.completed_at is None:
            return []
        return [
            Act(
                did="Completed",
                person=str(row.completed_by),
                role=row.owner_role,
                authority=f"role on {self._entity_code}",
                acted_at=row.completed_at,
                authentication=self._sign_ins.before(row.completed_by.pk, row.completed_at),
                comment=row.note,
            )
        ]

    def _approvals(self, row: CloseTask) -> list[Act]:
        acts = []
        for request in self._requests.get(row.pk, ()):
            acts.append(self._submission(request))
            attached = [each for each in self._attachments if each.request_id == request.pk]
            later = [self._attaching(each) for each in attached if each.decision_id is None]
            later += [self._decision(each) for each in self.decisions if each.request == request]
            acts += sorted(later, key=lambda act: act.acted_at)
        return acts

    def _attaching(self, attachment: Attachment) -> Act:
        request = attachment.request
        is_maker = attachment.attached_by_id == request.maker_id
        return Act(
            did="Attached evidence",
            person=str(attachment.attached_by),
            role="maker" if is_maker else "took part",
            authority=request.title,
            acted_at=attachment.attached_at,
            authentication=self._sign_ins.before(attachment.attached_by_id, attachment.attached_at),
            exhibits=(_exhibit(attachment),),
        )

    def _submission(self, request: Request) -> Act:
        submitter = self._submitters.get(request.pk, request.maker)
        is_automated = submitter.pk == self._system.pk
        return Act(
            did="Asked for approval",
            person=str(submitter),
            role="system" if is_automated else "maker",
            authority=request.title,
            acted_at=request.requested_at,
            authentication=_PROCESS
            if is_automated
            else self._sign_ins.before(submitter.pk, request.requested_at),
            on_behalf_of=str(request.maker) if request.maker_id != submitter.pk else "",
            is_automated=is_automated,
        )

    def _has_evidence(self, decision: Decision) -> bool:
        return any(each.request_id == decision.request_id for each in self._attachments)

    def _decision(self, decision: Decision) -> Act:
        return Act(
            did=_PAST[Verdict(decision.verdict)],
            person=str(decision.approver),
            role=decision.role_at_time,
            on_behalf_of=str(decision.on_behalf_of or ""),
            authority=_authority(decision),
            acted_at=decision.decided_at,
            authentication=self._sign_ins.before(decision.approver_id, decision.decided_at),
            comment=decision.comment,
            exhibits=tuple(
                _exhibit(each) for each in self._attachments if each.decision_id == decision.pk
            ),
            evidence_hash=decision.evidence_hash if self._has_evidence(decision) else "",
        )


def _requests_by_task(run: CloseRun) -> dict[int, list[Request]]:
    """Task to the requests that it waited for and those that took their place, oldest first."""
    waits = list(TaskApproval.objects.filter(task__run=run).select_related("request"))
    candidates = list(
        Request.objects.filter(
            subject_type__in={wait.request.subject_type for wait in waits},
            subject_id__in={wait.request.subject_id for wait in waits},
        )
        .select_related("maker", "policy")
        .order_by("id")
    )
    found: dict[int, list[Request]] = {}
    for wait in waits:
        asked = found.setdefault(wait.task_id, [])
        asked += [
            each for each in candidates if _is_about(each, wait.request) and each not in asked
        ]
    return found


def _is_about(request: Request, waited: Request) -> bool:
    """Whether it is the request that was waited for, or a later one about the same subject."""
    return request.pk >= waited.pk and (request.subject_type, request.subject_id) == (
        waited.subject_type,
        waited.subject_id,
    )


def _submitters(request_ids: Iterable[int]) -> dict[int, User]:
    """Who asked for each approval, as the audit trail says."""
    events = Event.objects.filter(
        action="approvals.request.submit",
        subject_type="approvals.request",
        subject_id__in=sorted(str(pk) for pk in request_ids),
    ).select_related("actor")
    return {int(event.subject_id): event.actor for event in events}


def _authority(decision: Decision) -> str:
    """What the decision was about, under which policy, and by which waiver if by one."""
    told = f"{decision.request.title}; policy {decision.request.policy}"
    if decision.waiver is None:
        return told
    return f"{told}; had a hand in it, {decision.waiver}, {decision.waiver.signers}"


def _decisions_on(request_ids: Iterable[int]) -> list[Decision]:
    """Every decision on the requests, oldest first."""
    return list(
        Decision.objects.filter(request__in=sorted(request_ids))
        .select_related("approver", "on_behalf_of", "request__maker", "request__policy")
        .select_related("waiver__person", "waiver__proposed_by", "waiver__signed_by")
        .order_by("decided_at", "id")
    )


def _attachments_on(request_ids: Iterable[int]) -> list[Attachment]:
    """All evidence on the requests, oldest first."""
    return list(
        Attachment.objects.filter(request__in=sorted(request_ids))
        .select_related("attached_by", "request")
        .order_by("attached_at", "id")
    )


def _exhibit(attachment: Attachment) -> Exhibit:
    return Exhibit(
        kind=attachment.get_kind_display(),
        name=attachment.filename,
        media_type=attachment.content_type,
        size_bytes=attachment.size_bytes,
        sha256=attachment.sha256,
    )


def _outcome(number: int, status: str) -> str:
    """ "Ran", or which try it was and what became of it."""
    if number == 1 and status == AttemptStatus.SUCCEEDED:
        return "Ran"
    return f"Attempt {number}: {AttemptStatus(status).label.lower()}"
