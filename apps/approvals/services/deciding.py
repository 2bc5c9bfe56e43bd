"""Decide on a request: approve, reject, return."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import prefetch_related_objects

from apps.approvals.errors import (
    ApproverTookPart,
    AttestationMissing,
    CommentMissing,
    OwnWork,
    SubjectOvertaken,
)
from apps.approvals.locks import hold_waiver, request_for_update
from apps.approvals.models import Decision, Policy, Request
from apps.approvals.permissions import DECIDE_REQUEST
from apps.approvals.registry import overtaken_by
from apps.approvals.rules import Decider, Evidence
from apps.approvals.selectors import stage_of
from apps.approvals.selectors.conflicts import approvers_who_took_part, conflicted_ids
from apps.approvals.selectors.deciders import decider_or_refusal
from apps.approvals.selectors.staff import Staff, deciders_at_work, staff_of, steps_left
from apps.approvals.selectors.stages import people_needed
from apps.approvals.services.clocks import start_clock
from apps.approvals.services.ending import end_request
from apps.approvals.services.evidence import digest_with, keep_evidence, require_evidence
from apps.approvals.services.staffing import block_or_release, measure_anew, note_participants
from apps.approvals.states import MOVES, STATUS_AFTER, RequestStatus, Verdict
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import NotPermitted
from apps.common.transitions import require_move, require_version
from apps.identity.holders import roles_holding
from apps.identity.models import User

_READ = ("decisions", "conflicts", "attachments", "escalations", "reassignments")


@transaction.atomic
def decide(
    *,
    request_id: int,
    verdict: str,
    comment: str,
    attested: bool,
    expected_version: int,
    actor: User,
    evidence: Sequence[Evidence] = (),
    door: str = "",
) -> Request:
    """Approve, reject or return a request; one rejection or return ends the round.

    Args:
        attested: the approver confirmed the policy's attestation text.
        expected_version: the request's version that the approver saw.
        evidence: what the approver brings along; it is kept with his decision, and he has no
            part in the subject for it.
        door: by what it came in, one of `states.Door`; empty for a program.

    Who stands in for somebody decides in his place, and the decision says for whom.

    Raises:
        NotVisible, NotPermitted, OwnWork, RoleMissing, AlreadyDecidedByActor, Away, HandedOver:
            not this actor.
        StaleVersion: it changed since the approver looked.
        IllegalMove: it is not waiting any more.
        ApproverTookPart: an earlier approval is one of somebody who has taken part since.
        SubjectOvertaken: what would be approved is no longer so.
        CommentMissing, AttestationMissing, EvidenceMissing, ResolutionMissing: the policy asks
            for more.
        AttachmentEmpty and the like: a piece of evidence is not taken, see `keep_evidence`.
    """
    request = _held(request_id, Verdict(verdict), expected_version, actor)
    staff = staff_of(request.entity)
    decider = _require_decider(request, verdict, actor, staff)
    _require_standing(request, verdict)
    _require_words(request.policy, verdict, comment, attested)
    require_evidence(request, verdict, evidence)
    decision = Decision.objects.create(
        request=request,
        approver=actor,
        **_seat_at_time(request, decider, staff),
        verdict=verdict,
        comment=comment,
        attestation_text=request.policy.attestation_text if attested else "",
        subject_hash=request.subject_hash,
        evidence_hash=digest_with(request, evidence),
        door=door,
    )
    brought = keep_evidence(request, evidence, actor, decision=decision)
    request.gain("decisions", decision)
    if brought:
        request.forget("attachments")
    _move_on(request, Verdict(verdict), decider, staff)
    record(
        actor=actor,
        action="approvals.request.decide",
        subject=request,
        decision=decision.pk,
        verdict=verdict,
        on_behalf_of=decision.on_behalf_of_id,
        waiver=decision.waiver_id,
        status=request.status,
        stage=decision.stage,
        evidence_hash=decision.evidence_hash,
        door=door,
        attachments=[attachment.pk for attachment in brought],
    )
    if request.is_open:  # whoever decided is missing at the steps to come
        block_or_release(request, actor=actor, staff=staff)
    return request


def _held(request_id: int, verdict: Verdict, expected_version: int, actor: User) -> Request:
    """The request, locked and as the actor saw it, with what the rules ask for as it is now."""
    request = request_for_update(request_id, actor=actor)
    authorize(actor, DECIDE_REQUEST, entity_id=request.entity_id)
    # Not waiting any more says more than "your version is old", so it is asked first.
    require_move(request, to=STATUS_AFTER[verdict], moves=MOVES)
    require_version(request, expected_version)
    prefetch_related_objects([request], *_READ)
    measure_anew(request, actor=actor)
    note_participants(request, actor=actor)
    return request


def _require_decider(request: Request, verdict: str, actor: User, staff: Staff) -> Decider:
    """As whom the actor decides; an approval needs that nobody who approved took part since."""
    decider = decider_or_refusal(request, actor, staff)
    if isinstance(decider, NotPermitted):
        raise decider
    if verdict == Verdict.APPROVE and approvers_who_took_part(request):
        raise ApproverTookPart
    return decider


def _require_standing(request: Request, verdict: str) -> None:
    """An approval needs that what is asked for is still so; it can be given back without."""
    if verdict != Verdict.APPROVE:
        return
    overtaken = overtaken_by(request.subject_type, request.subject_id)
    if overtaken:
        raise SubjectOvertaken(overtaken)


def _seat_at_time(request: Request, decider: Decider, staff: Staff) -> dict[str, Any]:
    """At which step and as what somebody decides: kept, whatever becomes of roles and limits."""
    return {
        "on_behalf_of_id": decider.seat if decider.mandate else None,
        "waiver_id": _waiver_used(request, decider, staff),
        "stage": request.stage,
        "role_at_time": _role_at_time(request, decider, staff),
        "limit_amount": _limit_at_time(request, decider, staff),
    }


def _role_at_time(request: Request, decider: Decider, staff: Staff) -> str:
    """The role of the seat that the stage asks for, or else one by which the seat decides."""
    deciding = staff.roles[decider.seat] & roles_holding(DECIDE_REQUEST)
    late = [one.added for one in request.escalations.all() if one.stage == request.stage]
    asked = [each["role"] for each in (stage_of(request), *late) if "role" in each]
    return str(next((role for role in asked if role in deciding), min(deciding)))


def _limit_at_time(request: Request, decider: Decider, staff: Staff) -> Decimal | None:
    most = staff.most_of(decider, request)
    return None if most is None else most.amount


def _waiver_used(request: Request, decider: Decider, staff: Staff) -> int | None:
    """The waiver under which somebody decides who had a hand in it; held until the end.

    Raises:
        OwnWork: it was revoked a moment ago.
    """
    if decider.person_id not in conflicted_ids(request):
        return None
    waiver_id = staff.waived(request)[decider.person_id]
    if not hold_waiver(waiver_id):
        raise OwnWork
    return waiver_id


def _require_words(policy: Policy, verdict: str, comment: str, attested: bool) -> None:
    if not comment.strip() and (policy.needs_comment or verdict != Verdict.APPROVE):
        raise CommentMissing(field="comment")
    if verdict == Verdict.APPROVE and policy.attestation_text and not attested:
        raise AttestationMissing(field="attested")


def _move_on(request: Request, verdict: Verdict, decider: Decider, staff: Staff) -> None:
    """Into the next stage, or to the end."""
    if verdict != Verdict.APPROVE:
        end_request(request, STATUS_AFTER[verdict])
        return
    is_done = _is_stage_done(request, decider, staff)
    if is_done:
        if request.stage + 1 == len(request.policy.stages):
            end_request(request, RequestStatus.APPROVED)
            return
        request.stage += 1
    request.version += 1
    request.save(update_fields=["stage", "version"])
    if is_done:
        start_clock(request, staff)


def _is_stage_done(request: Request, decider: Decider, staff: Staff) -> bool:
    """As many as it needs have approved; for all of a role, nobody is left who could.

    Who was added because the stage was late decides for everybody who is still missing there.
    """
    stage = stage_of(request)
    if people_needed(stage) is not None:
        return steps_left(request, staff)[0].needed == 0
    own = staff.seats(request, request.stage)
    is_missing = any(one.seat in own for one in deciders_at_work(request, staff))
    return decider.seat not in own or not is_missing
