"""The practice company's set-up: books, sources, match types, policies, close template."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.approvals.selectors import latest_request_for
from apps.approvals.services import decide, define_policy
from apps.approvals.states import Verdict
from apps.close.services import define_template
from apps.common.roles import APPROVER, CONTROLLER
from apps.compliance.services import define_control
from apps.identity.models import Entity, User
from apps.identity.selectors import people_with_role
from apps.identity.services import register_entity
from apps.ingestion.models import Source
from apps.ingestion.services import define_source
from apps.ledger.fiscal import MonthCalendar
from apps.ledger.services import (
    EntryDraft,
    LineDraft,
    close_period,
    define_account,
    define_calendar,
    open_period,
    post_extract,
)
from apps.practice.fixtures import MONTHS, folder, read
from apps.reconciliation.models import MatchType
from apps.reconciliation.services import define_match_type, settle_rules
from apps.reconciliation.services.rule_sets import ITEM_TYPE as MATCHING_RULES

ATTESTATION = (
    "I confirm that the reconciliation has been completed according to policy, all differences"
    " have been explained, and appropriate adjustments have been recorded."
)


def add_entity(actor: User) -> Entity:
    """Register the company."""
    facts = read("entity.json")
    return register_entity(
        code=facts["code"],
        name=facts["name"],
        country="NL",
        functional_currency=facts["functional_currency"],
        time_zone=facts["zone"],
        actor=actor,
    )


def add_books(entity: Entity, actor: User) -> None:
    """Chart of accounts, fiscal year 2023, and the opening balances in a closed January."""
    for account in read("chart_of_accounts.json")["accounts"]:
        define_account(
            entity_id=entity.pk,
            code=account["code"],
            name=account["name"],
            account_type=account["type"],
            normal_balance=account["normal_balance"],
            actor=actor,
        )
    define_calendar(
        entity_id=entity.pk, name="Calendar months", rule=MonthCalendar(), year=2023, actor=actor
    )
    january = open_period(entity_id=entity.pk, name="2023-01", actor=actor)
    post_extract(entity_id=entity.pk, source="opening", entries=[_opening_entry()], actor=actor)
    close_period(period_id=january.pk, actor=actor)


def add_sources(entity: Entity, actor: User) -> None:
    """The six sources, and their files in the entity's drop folder."""
    iban = read("entity.json")["bank_account"]["iban"]
    for source in read("sources.json")["sources"]:
        define_source(
            entity_id=entity.pk,
            code=source["code"],
            name=source["name"],
            format=source["format"],
            mapping=source["mapping"],
            account_number=iban if source["code"].startswith("bank") else "",
            drop_path=source["path"].replace("{month}", "{period}"),
            actor=actor,
        )
    fill_drop_folder(entity)


def fill_drop_folder(entity: Entity) -> None:
    """Put the months' files where the sources look for them."""
    drop = Path(settings.FILE_DROP_DIR) / entity.code
    for month in MONTHS:
        (drop / month).mkdir(parents=True, exist_ok=True)
        for file in (folder() / month).iterdir():
            if file.name != "truth.json":
                shutil.copyfile(file, drop / month / file.name)


def add_match_types(entity: Entity, actor: User) -> None:
    """The four reconciliations: set up by the controller, their rules approved by an approver."""
    define_policy(
        entity_id=entity.pk,
        item_type=MATCHING_RULES,
        stages=[{"role": APPROVER, "count": 1}],
        actor=actor,
    )
    controller = people_with_role(CONTROLLER, entity_id=entity.pk).get()
    source_ids = dict(Source.objects.filter(entity=entity).values_list("code", "pk"))
    for match_type in read("match_types.json")["match_types"]:
        made = define_match_type(
            entity_id=entity.pk,
            code=match_type["code"],
            name=match_type["name"],
            description=match_type["description"],
            left_source_id=source_ids[match_type["left"]["source"]],
            left_accounts=match_type["left"]["accounts"],
            right_source_id=source_ids[match_type["right"]["source"]],
            right_accounts=match_type["right"]["accounts"],
            rules=match_type["rules"],
            actor=controller,
        )
        _approve_rules(made)


def _approve_rules(match_type: MatchType) -> None:
    """Decide on the first rules as a person would, and let them take effect."""
    request = latest_request_for(match_type.rule_sets.get())
    assert request is not None
    decide(
        request_id=request.pk,
        verdict=Verdict.APPROVE,
        comment="Tolerances, windows and materiality are those of our reconciliation policy.",
        attested=False,
        expected_version=request.version,
        actor=people_with_role(APPROVER, entity_id=match_type.entity_id)[0],
    )
    settle_rules(request_id=request.pk)


def add_policies(entity: Entity, actor: User) -> None:
    """Who approves what: large entries and reopenings two approvers, locking the controller."""
    one, two = [{"role": "approver", "count": 1}], [{"role": "approver", "count": 2}]
    for item_type, changes in _policies(one, two):
        define_policy(entity_id=entity.pk, item_type=item_type, actor=actor, **changes)


def add_controls(entity: Entity, actor: User) -> None:
    """The controls that the close carries out."""
    for control in read("controls.json")["controls"]:
        define_control(entity_id=entity.pk, actor=actor, **control)


def add_template(entity: Entity, actor: User) -> None:
    """The close of seventeen tasks."""
    template = read("close_template.json")
    define_template(
        entity_id=entity.pk,
        code=template["code"],
        name=template["name"],
        tasks=template["tasks"],
        actor=actor,
    )


def _policies(one: list[Any], two: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    large = Decimal(10_000)
    return [
        ("journal_entry", {"currency": "EUR", "below_amount": large, "stages": one}),
        ("journal_entry", {"currency": "EUR", "least_amount": large, "stages": two}),
        ("reconciliation", {"stages": one, "attestation_text": ATTESTATION}),
        ("resolution_rule", {"stages": one}),
        ("account_analysis", {"stages": [{"role": "reviewer", "count": 1}]}),
        ("period_lock", {"stages": [{"role": "controller", "count": 1}]}),
        ("period_reopening", {"stages": two}),
    ]


def _opening_entry() -> EntryDraft:
    opening = read("opening_balances.json")
    return EntryDraft(
        external_id="opening",
        posted_on=date.fromisoformat(opening["as_of"]),
        description="Opening balances",
        lines=[
            _opening_line(row["account_code"], Decimal(row["balance"]), opening["currency"])
            for row in opening["balances"]
            if Decimal(row["balance"])
        ],
    )


def _opening_line(account: str, balance: Decimal, currency: str) -> LineDraft:
    """Balances are debit positive."""
    return LineDraft(
        account=account,
        debit=max(balance, Decimal(0)),
        credit=max(-balance, Decimal(0)),
        currency=currency,
        narrative="Opening balance",
    )
