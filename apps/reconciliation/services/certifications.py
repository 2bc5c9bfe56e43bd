"""Certify an outcome: one person prepared it, another reviewed it."""

from __future__ import annotations

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import StaleVersion
from apps.identity.models import User
from apps.reconciliation.errors import (
    AlreadyCertified,
    BreaksOpen,
    NotPrepared,
    OwnCertification,
)
from apps.reconciliation.locks import run_for_update
from apps.reconciliation.models import BreakReview, Certification, Run
from apps.reconciliation.permissions import CERTIFY_PREPARED, CERTIFY_REVIEWED
from apps.reconciliation.selectors.certifications import open_break_count
from apps.reconciliation.services.standing import require_current
from apps.reconciliation.states import CertificationPart

_PERMISSIONS = {
    CertificationPart.PREPARED: CERTIFY_PREPARED,
    CertificationPart.REVIEWED: CERTIFY_REVIEWED,
}


@transaction.atomic
def certify_run(
    *, run_id: int, part: str, outcome_digest: str, actor: User, comment: str = ""
) -> Certification:
    """Stand up for exactly the outcome that the actor saw; the preparer first, then another.

    Every break has to be explained, unless its counterpart may still come. A change of the outcome,
    a newer run, or a break that is opened again takes the certification away.

    Args:
        part: "prepared" or "reviewed".
        outcome_digest: of the outcome that was looked at.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        RunOutdated: the run before leaves other items to it by now.
        StaleVersion: the outcome is another by now.
        AlreadyCertified: somebody did this part.
        NotPrepared: the preparer comes first.
        OwnCertification: the reviewer is somebody else, who changed and explained nothing of it.
        BreaksOpen: breaks wait for an explanation.
    """
    run = run_for_update(run_id, actor=actor)
    chosen = CertificationPart(part)
    authorize(actor, _PERMISSIONS[chosen], entity_id=run.entity_id)
    require_current(run)
    if outcome_digest != run.outcome_digest:
        raise StaleVersion
    _require_turn(run, chosen, actor)
    if count := open_break_count(run):
        raise BreaksOpen(breaks=count)
    made: Certification = Certification.objects.create(
        run=run,
        outcome_digest=run.outcome_digest,
        part=chosen,
        comment=comment.strip(),
        certified_by=actor,
    )
    record(
        actor=actor,
        action="reconciliation.run.certify",
        subject=run,
        part=chosen.value,
        outcome_digest=run.outcome_digest,
    )
    return made


def _require_turn(run: Run, part: CertificationPart, actor: User) -> None:
    given = {
        each.part: each.certified_by_id
        for each in Certification.objects.filter(run=run, outcome_digest=run.outcome_digest)
    }
    if part in given:
        raise AlreadyCertified
    if part == CertificationPart.REVIEWED:
        preparer = given.get(CertificationPart.PREPARED)
        if preparer is None:
            raise NotPrepared
        if preparer == actor.pk:
            raise OwnCertification
        if _has_worked_on(run, actor):
            raise OwnCertification("You worked on this outcome, so somebody else has to review it.")


def _has_worked_on(run: Run, actor: User) -> bool:
    """Whether the actor changed the outcome, or explained a break of it as it stands."""
    explained = BreakReview.objects.filter(broken__run=run, explained_by=actor)
    return run.revisions.filter(revised_by=actor).exists() or explained.exists()
