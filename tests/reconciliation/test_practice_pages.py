"""The demo's month on its pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.identity.models import User
from apps.reconciliation.models import Break
from apps.reconciliation.states import Cause
from tests.pages import text
from tests.reconciliation.conftest import MONTHS, Practice

pytestmark = pytest.mark.django_db
BREAKS = "/breaks/"


def visit(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def opened(client: Client, name: str, *arguments: Any) -> str:
    answer = client.get(reverse(f"reconciliation:{name}", args=arguments))
    assert answer.status_code == 200
    return text(answer)


def test_the_breaks_of_april(practice: Practice) -> None:
    page = text(visit(practice.people["alice"]).get(BREAKS))
    assert "<strong>49 breaks</strong>, <strong>41 open</strong>" in page
    assert "8 awaited" in page


def test_every_break_and_its_cause_have_words(practice: Practice) -> None:
    client = visit(practice.people["alice"])
    known = set(Cause.values)
    for broken in Break.objects.filter(run=practice.runs[MONTHS[-1], "bank_gl"]):
        assert broken.cause in known
        opened(client, "break", broken.pk)


def test_a_split_shows_all_of_its_records(practice: Practice) -> None:
    split = Break.objects.get(run=practice.runs[MONTHS[-1], "bank_gl"], cause="split")
    page = opened(visit(practice.people["alice"]), "break", split.pk)
    assert "The records of both sides" in page
    assert page.count('data-label="Booked"') == 3


def test_a_duplicate_stands_beside_what_it_copies(practice: Practice) -> None:
    for code in ("gl_erp", "bank_gl"):
        copy = Break.objects.filter(run=practice.runs[MONTHS[-1], code], cause="duplicate")[0]
        page = opened(visit(practice.people["alice"]), "break", copy.pk)
        assert "The first" in page
        assert "The copy" in page
        assert "<dt>Copies on this side</dt><dd>2</dd>" in page


def test_where_the_ledger_is_turned_round_both_sides_have_one_sense(practice: Practice) -> None:
    changed = Break.objects.filter(
        run=practice.runs[MONTHS[-1], "jobs_revenue"], cause="rate_change"
    )[0]
    page = opened(visit(practice.people["alice"]), "break", changed.pk)
    assert "Quantity" in page
    assert "Rate" in page
    assert "differs by" in page
    assert ">−" not in page.split("compare")[1].split("</table>")[0]
