"""Who may not decide on a request because he has a hand in its subject."""

from __future__ import annotations

from apps.approvals.models import Request
from apps.approvals.registry import participants_in
from apps.approvals.states import Verdict


def conflicted_ids(request: Request) -> frozenset[int]:
    """Everybody who took part in the subject: maker, editors, requester, preparers.

    As noted when it was asked for, and as the subject's app tells it now; of the past, only what
    was noted by then.
    """
    if request.seen_at is not None:
        return noted_ids(request)
    return noted_ids(request) | participants_in(request.subject_type, request.subject_id)


def noted_ids(request: Request) -> frozenset[int]:
    """Those of them that are on record already."""
    return frozenset({request.maker_id, *(one.user_id for one in request.conflicts.all())})


def approvers_who_took_part(request: Request) -> frozenset[int]:
    """Those who approved an earlier step, or for whom one was, and took part since.

    Who approved under a waiver had a hand in it already, and the waiver answers for that.
    """
    approvals = [
        one
        for one in request.decisions.all()
        if one.verdict == Verdict.APPROVE and one.waiver_id is None
    ]
    people = {one.approver_id for one in approvals} | {one.on_behalf_of_id for one in approvals}
    return conflicted_ids(request) & people


def voters(request: Request) -> frozenset[int]:
    """Whose vote on the request is given: who decided, and for whom. Each has one."""
    made = request.decisions.all()
    given = {decision.approver_id for decision in made}
    return frozenset(given | {one.on_behalf_of_id for one in made if one.on_behalf_of_id})
