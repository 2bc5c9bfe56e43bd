"""Write-offs of one person against one account are measured by what they add up to."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.services import define_policy
from apps.identity.models import User
from apps.ledger.errors import ApprovalMissing
from apps.ledger.models import JournalEntry
from apps.ledger.services import post_entry, submit_entry
from apps.reconciliation.models import Break
from apps.reconciliation.services import write_off_break
from tests.reconciliation.conftest import APRIL


@pytest.fixture
def written_off(
    broken: Callable[[str], Break], books: Any, alice: User, connie: User
) -> Callable[[str], JournalEntry]:
    """The entry that books a break away; from 620.00 EUR on an approval is needed."""
    define_policy(
        entity_id=books.pk,
        item_type="journal_entry",
        stages=[{"role": "approver", "count": 1}],
        currency="EUR",
        least_amount=Decimal("620.00"),
        actor=connie,
    )

    def make(cause: str) -> JournalEntry:
        made = write_off_break(
            break_id=broken(cause).pk,
            expense_account="5400",
            posted_on=APRIL["ends_on"],
            reason="Not worth the postage",
            actor=alice,
        )
        entry: JournalEntry = made.entry
        return entry

    return make


def test_the_one_that_passes_the_limit_needs_the_approval_of_all(
    written_off: Callable[[str], JournalEntry], alice: User
) -> None:
    for cause in ("amount", "fee"):  # one credits the account, the other debits it
        post_entry(entry_id=written_off(cause).pk, actor=alice)
    assert not Request.objects.exists()
    last = written_off("sign")
    with pytest.raises(ApprovalMissing):
        post_entry(entry_id=last.pk, actor=alice)
    submit_entry(entry_id=last.pk, actor=alice)
    request = Request.objects.get()
    assert (request.amount, request.split_key) == (Decimal("667.50"), "account 5400")
    assert request.title.endswith(", with 2 more of account 5400")
