"""The demo people's work on breaks: a preparer explains each, a reviewer accepts it."""

from __future__ import annotations

from typing import Final

from apps.approvals.models import Request
from apps.common.roles import PREPARER, REVIEWER
from apps.identity.selectors import people_with_role
from apps.ledger.models import Period
from apps.reconciliation.models import Break, Run
from apps.reconciliation.selectors.worklist import with_status
from apps.reconciliation.services import accept_break, explain_break
from apps.reconciliation.services.approval import ITEM_TYPE as RECONCILIATION
from apps.reconciliation.states import Cause, ReviewStatus

_EXPLANATIONS: Final[dict[str, str]] = {
    Cause.AMOUNT: "The document was keyed with another amount; it is corrected in the next month.",
    Cause.TIMING: "Booked in one month and carried out in the other; it clears by itself.",
    Cause.MISSING_LEFT: "No counterpart yet; asked for, and carried forward until it comes.",
    Cause.MISSING_RIGHT: "Not booked yet; the document was asked for and will be booked.",
    Cause.DUPLICATE: "Entered twice; the second entry is taken back in the next month.",
    Cause.SIGN: "Booked the wrong way round; it is turned in the next month.",
    Cause.SPLIT: "Settled in parts that add up to the whole.",
    Cause.FEE: "The fee that was kept back; booked by the adjusting entry.",
    Cause.RATE_CHANGE: "Invoiced at the rate before the change; the difference is billed.",
}
_OTHERWISE: Final = "Looked into with the owner of the source; carried forward."


def work_on_breaks(period: Period) -> None:
    """Explain what nobody explained and accept what nobody accepted, through the services."""
    preparer = people_with_role(PREPARER, entity_id=period.entity_id)[0]
    reviewer = people_with_role(REVIEWER, entity_id=period.entity_id)[0]
    breaks = Break.objects.filter(
        run__in=Run.objects.live().filter(
            entity_id=period.entity_id, starts_on=period.starts_on, ends_on=period.ends_on
        )
    )
    for broken in with_status(breaks, ReviewStatus.OPEN).order_by("pk"):
        words = _EXPLANATIONS.get(broken.cause, _OTHERWISE)
        explain_break(break_id=broken.pk, comment=words, actor=preparer)
    for broken in breaks.filter(review__status=ReviewStatus.EXPLAINED).order_by("pk"):
        accept_break(break_id=broken.pk, comment="", actor=reviewer)


def is_worked_through(request: Request) -> bool:
    """Whether every break of the reconciliation that the request is about is accepted."""
    if request.item_type != RECONCILIATION:
        return True
    breaks = Break.objects.filter(run_id=request.subject_id)
    return not breaks.exclude(review__status=ReviewStatus.ACCEPTED).exists()
