"""Asking for the approval of a run: bound to its outcome, never given by who took part."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.approvals.models import Request
from apps.approvals.selectors import eligible_approvers, is_approved, refusal_to_decide
from apps.approvals.services import decide, define_policy
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.identity.services import grant_role
from apps.reconciliation.errors import RunNotCompleted, RunSuperseded
from apps.reconciliation.models import MatchType, Run
from apps.reconciliation.services import execute_run, explain_break, submit_run
from tests.reconciliation.conftest import Pair


@pytest.fixture
def policy(entity: Any, connie: User) -> Any:
    return define_policy(
        entity_id=entity.pk,
        item_type="reconciliation",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )


def test_the_request_is_bound_to_the_outcome(
    april: Run, policy: Any, alice: User, bob: User, entity: Any
) -> None:
    asked = submit_run(run_id=april.pk, preparer=alice, actor=alice, notify_task="a.task")
    assert asked is not None
    assert (asked.subject_type, asked.subject_id) == ("reconciliation.run", str(april.pk))
    assert asked.subject_hash == april.outcome_digest
    assert (asked.item_type, asked.maker, asked.entity) == ("reconciliation", alice, entity)
    assert (asked.amount, asked.currency) == (Decimal("726.47"), "EUR")
    assert asked.title == "Bank to ledger, 2023-04-01 to 2023-04-30"
    assert (asked.url, asked.notify_task) == (f"/reconciliations/{april.pk}/", "a.task")
    decide(
        request_id=asked.pk,
        verdict="approve",
        comment="",
        attested=True,
        expected_version=asked.version,
        actor=bob,
    )
    assert is_approved(april, april.outcome_digest)
    assert not is_approved(april, "0" * 64)


def test_asking_again_returns_the_open_request(
    april: Run, policy: Any, alice: User, bob: User, table_counts: Any
) -> None:
    first = submit_run(run_id=april.pk, preparer=alice, actor=alice)
    before = table_counts()
    assert submit_run(run_id=april.pk, preparer=alice, actor=alice) == first
    assert table_counts() == before


def test_a_newer_run_needs_an_approval_of_its_own(
    april: Run, pair: Pair, policy: Any, alice: User, bob: User
) -> None:
    about_april = submit_run(run_id=april.pk, preparer=alice, actor=alice)
    assert about_april is not None
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    about_april.refresh_from_db()
    assert about_april.status == "superseded"  # nobody approves what no longer stands
    asked = submit_run(run_id=newer.pk, preparer=alice, actor=alice)
    assert asked is not None
    assert asked.subject_hash == newer.outcome_digest != april.outcome_digest


def test_who_prepared_or_explained_does_not_approve(
    april: Run, policy: Any, alice: User, bob: User, connie: User, system: User, entity: Any
) -> None:
    for person in (alice, connie):
        grant_role(user_id=person.pk, role="approver", entity_id=entity.pk, actor=system)
    fee = april.breaks.get(cause="fee")
    explain_break(break_id=fee.pk, comment="Wire fee", actor=connie)
    asked = submit_run(run_id=april.pk, preparer=alice, actor=system)
    assert asked is not None
    assert eligible_approvers(asked) == [bob]
    for person in (alice, connie):
        again = User.objects.get(pk=person.pk)
        assert refusal_to_decide(asked, again) is not None
    assert refusal_to_decide(asked, bob) is None


def test_who_explains_after_the_approval_was_asked_for_does_not_approve_either(
    april: Run, policy: Any, alice: User, bob: User, connie: User, system: User, entity: Any
) -> None:
    grant_role(user_id=connie.pk, role="approver", entity_id=entity.pk, actor=system)
    asked = submit_run(run_id=april.pk, preparer=alice, actor=alice)
    assert asked is not None
    controller = User.objects.get(pk=connie.pk)
    assert refusal_to_decide(asked, controller) is None
    fee = april.breaks.get(cause="fee")
    explain_break(break_id=fee.pk, comment="Wire fee", actor=controller)
    with pytest.raises(NotPermitted):
        decide(
            request_id=asked.pk,
            verdict="approve",
            comment="",
            attested=True,
            expected_version=asked.version,
            actor=controller,
        )
    assert eligible_approvers(asked) == [bob]


def test_without_a_policy_nothing_is_asked(april: Run, alice: User, table_counts: Any) -> None:
    before = table_counts()
    assert submit_run(run_id=april.pk, preparer=alice, actor=alice) is None
    assert table_counts() == before


def test_a_run_over_nothing_counts_as_zero(pair: Pair, policy: Any, alice: User, bob: User) -> None:
    asked = submit_run(run_id=pair.run().pk, preparer=alice, actor=alice)
    assert asked is not None
    assert (asked.amount, asked.currency) == (Decimal(0), "EUR")


def test_a_long_name_fits_the_title(
    pair: Pair, policy: Any, alice: User, bob: User, connie: User
) -> None:
    from django.db import transaction

    from apps.audit.services import record

    with transaction.atomic():
        MatchType.objects.filter(pk=pair.match_type.pk).update(name="N" * 200)
        record(actor=connie, action="reconciliation.match_type.rename", subject=pair.match_type)
    assert submit_run(run_id=pair.run().pk, preparer=alice, actor=alice) is not None


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_who_may_not_ask(
    who: str,
    refusal: type[Refusal],
    request: Any,
    april: Run,
    policy: Any,
    alice: User,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        submit_run(run_id=april.pk, preparer=alice, actor=actor)
    assert table_counts() == before


def test_only_an_outcome_that_stands_is_approved(
    april: Run, pair: Pair, policy: Any, alice: User
) -> None:
    pair.bring("left", ("INV-7", "09", "13.00"))
    queued = pair.start()
    with pytest.raises(RunNotCompleted):
        submit_run(run_id=queued.pk, preparer=alice, actor=alice)
    execute_run(run_id=queued.pk)
    with pytest.raises(RunSuperseded):
        submit_run(run_id=april.pk, preparer=alice, actor=alice)
    assert not Request.objects.exists()
