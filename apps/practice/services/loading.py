"""Load the practice company: its set-up, and the two months before the one to be closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from apps.close.services import post_source_lines
from apps.common.errors import Conflict
from apps.identity.models import Entity, User
from apps.identity.selectors import system_user
from apps.ingestion.models import Source
from apps.ingestion.services import collect_files
from apps.ledger.models import Period
from apps.ledger.services import close_period, open_period
from apps.practice.fixtures import CLOSED_MONTHS, read
from apps.practice.services import setup
from apps.practice.services.people import add_people
from apps.reconciliation.models import MatchType
from apps.reconciliation.services import execute_run, start_run

Step = tuple[str, Callable[[Entity, User], object]]

SETUP: tuple[Step, ...] = (
    ("People and their roles", add_people),
    ("Chart of accounts, fiscal year, opening balances", setup.add_books),
    ("Sources and their files", setup.add_sources),
    ("Match types, their rules approved", setup.add_match_types),
    ("Close template of 17 tasks", setup.add_template),
    ("Controls", setup.add_controls),
)


class FixtureRefused(Conflict):
    """A file of the practice company was not accepted."""

    code = "FIXTURE_REFUSED"


@dataclass(frozen=True)
class Loaded:
    """The company, and whether this call loaded it."""

    entity: Entity
    is_new: bool


@transaction.atomic
def load_company(*, told: Callable[[str], None] = lambda _step: None) -> Loaded:
    """Load everything up to the month to be closed, in one transaction; once.

    Args:
        told: called with the name of each step before it begins.
    """
    system = system_user()
    known = Entity.objects.filter(code=read("entity.json")["code"]).first()
    if known is not None:
        setup.fill_drop_folder(known)
        return Loaded(known, is_new=False)
    entity = setup.add_entity(system)
    for words, step in SETUP:
        told(words)
        step(entity, system)
    for month in CLOSED_MONTHS:
        told(f"{month}: import, post, reconcile, close")
        close_month(entity, month, system)
    told("Approval policies")
    setup.add_policies(entity, system)
    return Loaded(entity, is_new=True)


def close_month(entity: Entity, month: str, actor: User) -> Period:
    """Bring a month before the demo's into the books, so that April has a history."""
    period = open_period(entity_id=entity.pk, name=month, actor=actor)
    codes = [source["code"] for source in read("sources.json")["sources"]]
    outcomes = collect_files(
        entity_id=entity.pk, source_codes=codes, period_name=month, actor=actor
    )
    for outcome in outcomes.values():
        if outcome.failure is not None:
            raise FixtureRefused(outcome.failure.message, file=outcome.failure.filename)
    ledger = Source.objects.get(entity=entity, code="gl_extract")
    post_source_lines(source=ledger, period=period, actor=actor)
    for match_type in MatchType.objects.filter(entity=entity):
        run = start_run(
            match_type_id=match_type.pk,
            starts_on=period.starts_on,
            ends_on=period.ends_on,
            actor=actor,
        )
        execute_run(run_id=run.pk)
    return close_period(period_id=period.pk, actor=actor)
