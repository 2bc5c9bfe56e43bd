"""A step of the close that waits until the balances of the period are analysed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.close.models import CloseRun, CloseTask, CloseTemplate
from apps.close.services import define_template, open_run, resume_interrupted
from apps.identity.models import User
from apps.ledger.models import Period
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    draft_entry,
    post_entry,
    prepare_analysis,
    submit_analysis,
)
from tests.close.conftest import Steps, deliver, planned, states
from tests.docs.test_pages import FENCE
from tests.ledger.conftest import keep_books, pair

ROOT = Path(__file__).parents[2]


def analysing(**parameters: Any) -> dict[str, Any]:
    return planned(
        "analyse",
        automation=False,
        owner_role="preparer",
        handler="ledger.account_analyses",
        parameters=parameters,
    )


@pytest.fixture
def april(entity: Any, system: User, steps: Steps) -> Period:
    keep_books(entity, system)
    return Period.objects.get(entity=entity, name="2023-04")


def post(period: Period, amount: str, alice: User, **accounts: str) -> None:
    entry = draft_entry(
        entity_id=period.entity_id,
        posted_on=date(2023, 4, 12),
        description="Sale",
        kind="manual",
        lines=pair(amount, **accounts),
        actor=alice,
    )
    post_entry(entry_id=entry.pk, actor=alice)


def analyse(period: Period, account: str, amount: str, alice: User) -> None:
    content = AnalysisDraft(items=[ItemDraft("All of it", Decimal(amount))])
    made = prepare_analysis(period_id=period.pk, account=account, content=content, actor=alice)
    submit_analysis(analysis_id=made.pk, actor=alice)


def begin(period: Period, connie: User, **parameters: Any) -> CloseRun:
    """A close whose last step waits for the analyses."""
    template = define_template(
        entity_id=period.entity_id,
        code="month",
        name="Month end",
        tasks=[analysing(**parameters), planned("lock", "analyse")],
        actor=connie,
    )
    return open_run(template_id=template.pk, period_id=period.pk, actor=connie)


def task_of(close: CloseRun) -> CloseTask:
    deliver()
    resume_interrupted()  # what the beat does every five seconds
    deliver()
    return CloseTask.objects.get(run=close, key="analyse")


def test_it_waits_for_every_balance_and_says_which_are_left(
    april: Period, alice: User, connie: User
) -> None:
    post(april, "100.00", alice)
    post(april, "40.00", alice, debit="1100", credit="2000")
    post(april, "7.00", alice, debit="5000", credit="3000")
    close = begin(april, connie)
    task = task_of(close)
    assert (task.status, task.note) == (
        "submitted",
        "0 of 4 balances are analysed; left: 1000 EUR (missing), 1100 EUR (missing),"
        " 2000 EUR (missing), and 1 more.",
    )
    for account, amount in (("1000", "100"), ("1100", "40"), ("2000", "-40")):
        analyse(april, account, amount, alice)
    assert task_of(close).note == "3 of 4 balances are analysed; left: 3000 EUR (missing)."
    post(april, "1.00", alice)
    analyse(april, "3000", "-7", alice)
    assert task_of(close).note == "3 of 4 balances are analysed; left: 1000 EUR (outdated)."
    assert states(close)["lock"] == "pending"
    analyse(april, "1000", "101", alice)
    task = task_of(close)
    assert (task.status, task.note) == ("completed", "")
    assert task.attempts.get().summary == {"asked": 4, "analysed": 4}
    assert states(close)["lock"] == "completed"


def test_only_the_named_accounts_are_waited_for(april: Period, alice: User, connie: User) -> None:
    post(april, "100.00", alice)
    post(april, "40.00", alice, debit="1100", credit="2000")
    close = begin(april, connie, accounts=["1000", "4000", "3000"])
    assert "0 of 2 balances are analysed" in task_of(close).note
    analyse(april, "1000", "100", alice)
    analyse(april, "4000", "-100", alice)
    assert task_of(close).status == "completed"


def test_an_account_that_does_not_exist_fails_the_task(april: Period, connie: User) -> None:
    task = task_of(begin(april, connie, accounts=["1000", "9999"]))
    assert task.status == "failed"
    assert "There is no account '9999' here." in task.note


def test_books_without_a_balance_need_nothing(april: Period, connie: User) -> None:
    assert task_of(begin(april, connie)).status == "completed"


def test_the_how_to_puts_it_into_a_template(steps: Steps, person: Any, entity: Any) -> None:
    """The code of docs/how-to/analyse-an-account.md runs as it stands there."""
    carla = person("carla.controller", "controller", on=entity)
    define_template(
        entity_id=entity.pk,
        code="monthly_financial_close",
        name="Month",
        tasks=[planned("post"), planned("period_lock", "post")],
        actor=carla,
    )
    page = (ROOT / "docs/how-to/analyse-an-account.md").read_text("utf-8")
    (code,) = [code for language, code in FENCE.findall(page) if language == "python"]
    exec(code, {})
    by_id = {task["id"]: task for task in CloseTemplate.objects.get().tasks}
    assert by_id["analyses"]["handler"] == "ledger.account_analyses"
    assert by_id["period_lock"]["dependencies"] == ["post", "analyses"]
