"""A step of the close that waits until preparer and reviewer certified the reconciliations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import Event
from apps.close.models import CloseRun, CloseTask, CloseTemplate
from apps.close.services import define_template, open_run, resume_interrupted, retry_task
from apps.identity.models import User
from apps.reconciliation.models import Run
from apps.reconciliation.services import (
    certify_run,
    explain_break,
    reopen_break,
    unmatch_group,
)
from tests.close.conftest import Steps, deliver, planned, states
from tests.docs.test_pages import FENCE
from tests.reconciliation.conftest import Pair, april, pair, sources

__all__ = ["april", "pair", "sources"]

ROOT = Path(__file__).parents[2]
CERTIFY = planned(
    "certify",
    automation=False,
    owner_role="reviewer",
    handler="reconciliation.certify",
    parameters={"match_types": ["bank_gl"]},
)


@pytest.fixture
def close(
    april: Run, entity: Any, period: Any, steps: Steps, alice: User, rita: User, connie: User
) -> CloseRun:
    """A close over April whose last step waits for the step that certifies."""
    template = define_template(
        entity_id=entity.pk,
        code="month",
        name="Month end",
        tasks=[CERTIFY, planned("lock", "certify")],
        actor=connie,
    )
    return open_run(template_id=template.pk, period_id=period.pk, actor=connie)


def task_of(close: CloseRun) -> CloseTask:
    deliver()
    resume_interrupted()  # what the beat does every five seconds
    deliver()
    return CloseTask.objects.get(run=close, key="certify")


def explain(run: Run, actor: User) -> None:
    for broken in run.breaks.exclude(state="awaited"):
        explain_break(break_id=broken.pk, comment="Known", actor=actor)


def certify(run: Run, part: str, actor: User) -> None:
    run.refresh_from_db()
    certify_run(run_id=run.pk, part=part, outcome_digest=run.outcome_digest, actor=actor)


def test_it_is_done_when_both_have_certified(
    april: Run, close: CloseRun, alice: User, rita: User
) -> None:
    task = task_of(close)
    assert (task.status, task.note) == (
        "submitted",
        "Bank to ledger: 5 breaks wait for an explanation.",
    )
    explain(april, alice)
    assert task_of(close).note == "Bank to ledger: its preparer has to certify it."
    certify(april, "prepared", alice)
    task = task_of(close)
    assert (task.status, task.note) == (
        "submitted",
        "Bank to ledger: its reviewer has to certify it.",
    )
    assert states(close)["lock"] == "pending"
    certify(april, "reviewed", rita)
    task = task_of(close)
    assert (task.status, task.note) == ("completed", "")
    assert states(close)["lock"] == "completed"
    assert task.attempts.get().summary == {
        "certified": {
            "bank_gl": {
                "run": april.pk,
                "outcome_digest": april.outcome_digest,
                "prepared_by": str(alice),
                "reviewed_by": str(rita),
            }
        }
    }


def test_what_is_awaited_is_noted_once(april: Run, close: CloseRun, alice: User) -> None:
    version = task_of(close).version
    assert task_of(close).version == version
    assert not Event.objects.filter(action="close.task.wait").exists()
    explain(april, alice)
    assert task_of(close).version == task_of(close).version == version + 1
    event = Event.objects.get(action="close.task.wait")
    assert event.details["awaits"] == "Bank to ledger: its preparer has to certify it."


def test_what_was_certified_before_is_done_at_once(
    april: Run, alice: User, rita: User, request: Any
) -> None:
    explain(april, alice)
    certify(april, "prepared", alice)
    certify(april, "reviewed", rita)
    assert task_of(request.getfixturevalue("close")).status == "completed"


@pytest.mark.parametrize("fall", ["revision", "break", "run"])
def test_a_certification_that_falls_is_asked_for_again(
    fall: str, april: Run, close: CloseRun, pair: Pair, alice: User, rita: User
) -> None:
    explain(april, alice)
    certify(april, "prepared", alice)
    if fall == "revision":
        unmatch_group(run_id=april.pk, number=1, reason="No", actor=rita)
    elif fall == "break":
        reopen_break(break_id=april.breaks.get(cause="fee").pk, comment="No", actor=rita)
    else:
        pair.bring("left", ("INV-8", "09", "13.00"))
        pair.run()
    task = task_of(close)
    assert task.status == "submitted"
    assert "wait for an explanation" in task.note


def test_without_a_run_the_task_fails_and_is_tried_again(
    entity: Any, pair: Pair, period: Any, steps: Steps, alice: User, rita: User, connie: User
) -> None:
    template = define_template(
        entity_id=entity.pk, code="month", name="Month end", tasks=[CERTIFY], actor=connie
    )
    close = open_run(template_id=template.pk, period_id=period.pk, actor=connie)
    task = task_of(close)
    assert task.status == "failed"
    assert "bank_gl has not been run" in task.note
    pair.run()
    retry_task(task_id=task.pk, actor=connie)
    assert task_of(close).status == "submitted"


def test_the_how_to_puts_it_into_a_template(steps: Steps, person: Any, system: User) -> None:
    """The code of docs/how-to/certify-in-the-close.md runs as it stands there."""
    from apps.identity.services import register_entity

    entity = register_entity(
        code="HFS",
        name="Harbour",
        country="NL",
        functional_currency="EUR",
        time_zone="Europe/Amsterdam",
        actor=system,
    )
    carla = person("carla.controller", "controller", on=entity)
    define_template(
        entity_id=entity.pk,
        code="monthly_financial_close",
        name="Month",
        tasks=[planned("break_classification"), planned("period_lock", "break_classification")],
        actor=carla,
    )
    page = (ROOT / "docs/how-to/certify-in-the-close.md").read_text("utf-8")
    (code,) = [code for language, code in FENCE.findall(page) if language == "python"]
    exec(code, {})
    template = CloseTemplate.objects.get()
    by_id = {task["id"]: task for task in template.tasks}
    assert by_id["certification"]["handler"] == "reconciliation.certify"
    assert by_id["period_lock"]["dependencies"] == ["break_classification", "certification"]


def test_the_page_of_the_task_says_what_is_awaited(
    april: Run, close: CloseRun, connie: User, otto: User
) -> None:
    task = task_of(close)
    client = Client()
    client.force_login(otto)
    page = client.get(f"/close/tasks/{task.pk}/").content.decode()
    assert "Bank to ledger: 5 breaks wait for an explanation." in page
    assert "left it to people" in page
