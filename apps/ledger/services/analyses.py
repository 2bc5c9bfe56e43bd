"""Say what a balance consists of. What is said is kept in versions, with the figures of then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from apps.approvals.services import supersede_requests
from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.common.errors import Refusal, StaleVersion
from apps.common.money import plain, require_minor_units
from apps.common.transitions import advance
from apps.identity.models import User
from apps.ledger.errors import (
    AccountUnknown,
    AnalysisItemInvalid,
    FiguresMoved,
    NothingToAnalyse,
    SupportMissing,
)
from apps.ledger.locks import analysis_for_update, hold_analyses
from apps.ledger.models import AccountAnalysis, AnalysisItem, AnalysisVersion, Period
from apps.ledger.permissions import PREPARE_ANALYSIS
from apps.ledger.registry import Support, supports_standing
from apps.ledger.selectors import TrialBalanceRow, balance_of
from apps.ledger.services.drafts import accounts_by_code, require_text
from apps.ledger.states import ANALYSIS_MOVES, AnalysisStatus

MOST_ITEMS = 500
_TOO_LARGE = Decimal(10) ** 16  # NUMERIC(20,4)


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """One thing that a balance consists of, as callers give it.

    Args:
        amount: debit positive, not zero.
        reference: the document that shows it.
        dated_on: the day of that document.
        support_type, support_id: what in here shows it, see `ledger.registry`; or both empty.
    """

    description: str
    amount: Decimal
    reference: str = ""
    dated_on: date | None = None
    support_type: str = ""
    support_id: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisDraft:
    """What somebody says of a balance.

    Args:
        difference_explanation: why something is left unexplained.
        change_explanation: why the balance moved in the period.
    """

    items: Sequence[ItemDraft] = ()
    difference_explanation: str = ""
    change_explanation: str = ""


@transaction.atomic
def prepare_analysis(
    *,
    period_id: int,
    account: str,
    content: AnalysisDraft,
    actor: User,
    currency: str = "",
    expected_version: int | None = None,
    expected_closing: Decimal | None = None,
) -> AccountAnalysis:
    """Write what the balance consists of: the first version of an analysis, or the next.

    The figures are taken from the ledger now. Another version is a draft again: what waited for
    an approval is superseded by it, and what was approved counts no more.

    Args:
        account: code in the entity's chart.
        currency: ISO 4217; empty for the entity's functional currency.
        expected_version: the newest version that the actor saw, 0 for none; None to ask nothing.
        expected_closing: the balance that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        AccountUnknown: the chart has no such account.
        NothingToAnalyse: nothing was ever posted to it in this currency.
        StaleVersion: somebody wrote another version meanwhile.
        FiguresMoved: the balance is another by now.
        AnalysisItemInvalid, SupportMissing, TextInvalid, Invalid: names the item.
    """
    period = _period(period_id, actor)
    authorize(actor, PREPARE_ANALYSIS, entity_id=period.entity_id)
    row = _balance(period, account, currency or period.entity.functional_currency)
    if expected_closing is not None and expected_closing != row.closing:
        raise FiguresMoved("The balance has moved since you saw it.")
    analysis = _analysis_of(period, row, expected_version, actor)
    version = AnalysisVersion.objects.create(
        analysis=analysis,
        number=analysis.version,
        opening=row.opening,
        debit=row.debit,
        credit=row.credit,
        difference_explanation=_text("difference_explanation", content.difference_explanation),
        change_explanation=_text("change_explanation", content.change_explanation),
        prepared_by=actor,
    )
    items = _build_items(version, content.items)
    AnalysisItem.objects.bulk_create(items)
    record(
        actor=actor,
        action="ledger.analysis.prepare",
        subject=analysis,
        period=period.name,
        account=analysis.account.code,
        currency=analysis.currency,
        version=version.number,
        closing=plain(version.closing, analysis.currency),
        items=len(items),
    )
    return analysis


def _analysis_of(
    period: Period, row: TrialBalanceRow, expected_version: int | None, actor: User
) -> AccountAnalysis:
    """The analysis of this balance, held, with the number that its next version gets."""
    hold_analyses(row.account.pk)
    there: AccountAnalysis | None = AccountAnalysis.objects.filter(
        period=period, account=row.account, currency=row.currency
    ).first()
    if expected_version is not None and expected_version != (there.version if there else 0):
        raise StaleVersion(version_now=there.version if there else 0)
    if there is None:
        made = AccountAnalysis(
            entity=period.entity, period=period, account=row.account, currency=row.currency
        )
        made._history_user = actor
        made.save()
        return made
    analysis = analysis_for_update(there.pk, actor=actor)
    supersede_requests(subject=analysis, actor=actor)
    if analysis.status != AnalysisStatus.DRAFT:
        advance(analysis, to=AnalysisStatus.DRAFT, moves=ANALYSIS_MOVES)
    analysis.version += 1
    analysis._history_user = actor
    analysis.save(update_fields=["status", "version"])
    return analysis


def _period(period_id: int, actor: User) -> Period:
    return one_visible(
        Period.objects.granted_to(actor).select_related("entity").filter(pk=period_id)
    )


def _balance(period: Period, code: str, currency: str) -> TrialBalanceRow:
    account = accounts_by_code(period.entity_id, [code]).get(code)
    if account is None:
        raise AccountUnknown("There is no such account here.", field="account")
    row = balance_of(account=account, currency=currency, period=period)
    if row is None:
        raise NothingToAnalyse(field="account")
    return row


def _build_items(version: AnalysisVersion, drafts: Sequence[ItemDraft]) -> list[AnalysisItem]:
    """Unsaved rows, numbered from 1; a refusal names the item."""
    if len(drafts) > MOST_ITEMS:
        raise AnalysisItemInvalid(f"An analysis has at most {MOST_ITEMS} items.", field="items")
    supports = supports_standing(
        version.analysis.entity_id,
        [(one.support_type, one.support_id) for one in drafts if one.support_type],
    )
    built = []
    for number, draft in enumerate(drafts, start=1):
        try:
            support = _support_of(draft, supports)
            built.append(_build_item(version, number, draft, support))
        except Refusal as refusal:
            raise type(refusal)(
                f"Item {number}: {refusal.message}",
                remedy=refusal.remedy,
                field=refusal.field,
                **{**refusal.details, "item": number},
            ) from None
    return built


def _build_item(
    version: AnalysisVersion, number: int, draft: ItemDraft, support: Support | None
) -> AnalysisItem:
    if not draft.description.strip():
        raise AnalysisItemInvalid("Say what it is.", field="description")
    return AnalysisItem(
        version=version,
        number=number,
        description=require_text(AnalysisItem, "description", draft.description),
        amount=_require_amount(draft.amount, version.analysis.currency),
        reference=require_text(AnalysisItem, "reference", draft.reference),
        dated_on=draft.dated_on,
        support_type=draft.support_type,
        support_id=draft.support_id,
        support_digest=support.digest if support else "",
    )


def _support_of(draft: ItemDraft, supports: Mapping[tuple[str, str], Support]) -> Support | None:
    if not draft.support_type and not draft.support_id:
        return None
    support = supports.get((draft.support_type, draft.support_id))
    if support is None:
        raise SupportMissing("What it rests on is not here or stands no more.", field="support")
    return support


def _require_amount(amount: Decimal, currency: str) -> Decimal:
    require_minor_units(amount, currency)
    if not amount or abs(amount) >= _TOO_LARGE:
        raise AnalysisItemInvalid(
            "An item has an amount other than zero, of at most 16 digits before the point.",
            field="amount",
        )
    return amount


def _text(field: str, value: str) -> str:
    return require_text(AnalysisVersion, field, value.strip())
