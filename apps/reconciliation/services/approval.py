"""Ask for the approval of a run."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.urls import reverse

from apps.approvals.models import Request
from apps.approvals.services import request_approval
from apps.common.access import authorize
from apps.identity.models import User
from apps.reconciliation.locks import run_for_update
from apps.reconciliation.permissions import SUBMIT_RUN
from apps.reconciliation.selectors.outcomes import variance
from apps.reconciliation.selectors.participants import participants_in_run
from apps.reconciliation.services.standing import require_current

ITEM_TYPE = "reconciliation"
_LONGEST_NAME = 150  # a request's title takes 200 characters


@transaction.atomic
def submit_run(
    *, run_id: int, preparer: User, actor: User, notify_task: str = ""
) -> Request | None:
    """Ask for approval of a completed run, bound to its outcome's digest.

    Who explained one of its breaks or changed it by hand took part in the work, and may not
    approve it either.

    Args:
        preparer: whose work it is; he may not approve it.
        notify_task: see `approvals.services.request_approval`.

    Returns:
        The request, or None if no policy asks for an approval.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        RunOutdated: the run before leaves other items to it by now.
    """
    run = run_for_update(run_id, actor=actor)
    authorize(actor, SUBMIT_RUN, entity_id=run.entity_id)
    require_current(run)
    deviation = variance(run)
    return request_approval(
        entity_id=run.entity_id,
        item_type=ITEM_TYPE,
        subject=run,
        subject_hash=run.outcome_digest,
        title=f"{run.match_type.name[:_LONGEST_NAME]}, {run.starts_on} to {run.ends_on}",
        url=reverse("reconciliation:run", args=[run.pk]),
        amount=abs(deviation.amount) if deviation else Decimal(0),
        currency=deviation.currency if deviation else run.entity.functional_currency,
        maker=preparer,
        conflicted=User.objects.filter(pk__in=participants_in_run(str(run.pk))),
        notify_task=notify_task,
        actor=actor,
    )
