"""Account analyses: what a balance consists of by somebody's account, beside the ledger as it is.

Amounts are debit positive, as in the trial balance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F

from apps.audit.services import canonical_bytes
from apps.common.access import Actor, one_visible
from apps.common.models import ScopedQuerySet
from apps.common.money import plain
from apps.ledger.models import (
    Account,
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    AnalysisVersion,
    Period,
)
from apps.ledger.registry import Support, supports_standing
from apps.ledger.selectors.balances import TrialBalanceRow, balance_of, trial_balance
from apps.ledger.states import ANALYSED, ANALYSED_TYPES, MISSING, OUTDATED, AnalysisStatus

ANALYSIS_ITEM = "account_analysis"
_NOTHING = Decimal("0.0000")
_BINDING = frozenset({AnalysisStatus.SUBMITTED, *ANALYSED})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The largest amounts that need no words; `change` is None where no change needs any."""

    difference: Decimal = _NOTHING
    change: Decimal | None = None


@dataclass(frozen=True)
class Analysed:
    """A version of an analysis beside the ledger as it is now.

    Attributes:
        now: the balance as it is now; None once the books say nothing of it.
        supports: what its items rest on and stands, by name and id.
    """

    analysis: AccountAnalysis
    version: AnalysisVersion
    items: Sequence[AnalysisItem]
    now: TrialBalanceRow | None
    thresholds: Thresholds
    supports: Mapping[tuple[str, str], Support]

    @property
    def explained(self) -> Decimal:
        """What the items add up to."""
        return explained_by(item.amount for item in self.items)

    @property
    def unexplained(self) -> Decimal:
        """The closing balance less what the items add up to."""
        return self.version.closing - self.explained

    @property
    def needs_difference_words(self) -> bool:
        """More is unexplained than its threshold allows without words."""
        return abs(self.unexplained) > self.thresholds.difference

    @property
    def needs_change_words(self) -> bool:
        """The balance moved further than its threshold allows without words."""
        return self.thresholds.change is not None and (
            abs(self.version.change) > self.thresholds.change
        )

    @property
    def fallen(self) -> list[AnalysisItem]:
        """The items whose support says something else now, or stands no more."""
        return [item for item in self.items if item.support_type and not self._is_held(item)]

    @property
    def has_moved(self) -> bool:
        """The ledger or a support says something else than when this was written."""
        return _figures(self.version) != _figures(self.now) or bool(self.fallen)

    @property
    def overtaken_by(self) -> str:
        """What it no longer agrees with, as a sentence; empty if it holds."""
        if self.fallen:
            numbers = ", ".join(str(item.number) for item in self.fallen)
            return f"What these items rest on stands no more: {numbers}."
        if self.has_moved:
            return "The ledger says something else than when this was written."
        return ""

    @property
    def state(self) -> str:
        """The status, or that what was signed has been overtaken."""
        return state_of(self.analysis, has_moved=self.has_moved)

    def _is_held(self, item: AnalysisItem) -> bool:
        support = self.supports.get((item.support_type, item.support_id))
        return support is not None and support.digest == item.support_digest


def explained_by(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of what items explain."""
    return sum(amounts, _NOTHING)


def state_of(analysis: AccountAnalysis, *, has_moved: bool) -> str:
    """The status of an analysis, or `OUTDATED` where what was signed has been overtaken."""
    is_overtaken = has_moved and analysis.status in _BINDING
    return OUTDATED if is_overtaken else str(analysis.status)


def analyses_for(actor: Actor) -> ScopedQuerySet:
    """The analyses that the actor may see, newest first."""
    return (
        AccountAnalysis.objects.visible_to(actor)
        .select_related("entity", "period", "account")
        .order_by("-id")
    )


def analysis_seen_by(actor: Actor, analysis_id: int) -> AccountAnalysis:
    """One analysis as `analyses_for` gives it.

    Raises:
        NotVisible: no such analysis for this actor.
    """
    return one_visible(analyses_for(actor).filter(pk=analysis_id))


def versions_of(analysis: AccountAnalysis) -> list[AnalysisVersion]:
    """Every version, newest first, with who prepared it."""
    return list(analysis.versions.select_related("prepared_by").order_by("-number"))


def analysed(analysis: AccountAnalysis, number: int | None = None) -> Analysed:
    """A version beside the ledger as it is now; the newest unless a number says which.

    Raises:
        NotVisible: it has no such version.
    """
    version = one_visible(
        analysis.versions.select_related("prepared_by").filter(number=number or analysis.version)
    )
    items = list(version.items.order_by("number"))
    return Analysed(
        analysis=analysis,
        version=version,
        items=items,
        now=balance_of(
            account=analysis.account, currency=analysis.currency, period=analysis.period
        ),
        thresholds=thresholds_of(analysis.account, analysis.currency),
        supports=_standing(analysis.entity_id, items),
    )


def thresholds_of(account: Account, currency: str) -> Thresholds:
    """What counts for the account now: zero and no question about changes, until somebody says."""
    newest = AnalysisThreshold.objects.filter(account=account, currency=currency).first()
    return Thresholds(newest.difference, newest.change) if newest else Thresholds()


def preparers_of_analysis(analysis_id: str) -> frozenset[int]:
    """Ids of those who prepared a version of it."""
    prepared = AnalysisVersion.objects.filter(analysis_id=int(analysis_id))
    return frozenset(prepared.values_list("prepared_by_id", flat=True))


def what_overtook_analysis(analysis_id: str) -> str:
    """What the newest version no longer agrees with, as a sentence; empty if it holds."""
    analysis = AccountAnalysis.objects.select_related("account", "period").get(pk=analysis_id)
    return analysed(analysis).overtaken_by


def analysis_hash(found: Analysed) -> str:
    """SHA-256 over figures, items and words of a version: what an approval binds to."""
    analysis, version, currency = found.analysis, found.version, found.analysis.currency
    return hashlib.sha256(
        canonical_bytes(
            {
                "entity": analysis.entity.code,
                "period": analysis.period.name,
                "account": analysis.account.code,
                "currency": currency,
                "version": version.number,
                "prepared_by": version.prepared_by_id,
                "opening": plain(version.opening, currency),
                "debit": plain(version.debit, currency),
                "credit": plain(version.credit, currency),
                "difference_explanation": version.difference_explanation,
                "change_explanation": version.change_explanation,
                "items": [_item_content(item, currency) for item in found.items],
            }
        )
    ).hexdigest()


# --- A period -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Covered:
    """A balance of a period and what there is of its analysis.

    Attributes:
        explained: what the newest version's items add up to; None without an analysis.
        is_asked: whether this balance is to be analysed.
        state: the analysis' status, `MISSING` or `OUTDATED`.
        has_moved: the newest version was written on other figures.
    """

    row: TrialBalanceRow
    analysis: AccountAnalysis | None
    explained: Decimal | None
    is_asked: bool
    state: str
    has_moved: bool = False

    @property
    def is_done(self) -> bool:
        """Signed, approved where that is asked, and still true."""
        return self.state in ANALYSED

    @property
    def unexplained(self) -> Decimal | None:
        """What is left of the balance as it is now; None without an analysis."""
        return None if self.explained is None else self.row.closing - self.explained


@dataclass(frozen=True, slots=True)
class CoverageTotal:
    """Balances of one currency that are to be analysed, added up without their signs."""

    currency: str
    asked: Decimal
    done: Decimal
    unexplained: Decimal


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the balances of a period are analysed."""

    period: Period
    rows: Sequence[Covered]

    @property
    def asked(self) -> list[Covered]:
        """The balances that are to be analysed."""
        return [row for row in self.rows if row.is_asked]

    @property
    def done(self) -> list[Covered]:
        """Those of them that are."""
        return [row for row in self.asked if row.is_done]

    @property
    def left(self) -> list[Covered]:
        """Those of them that are not."""
        return [row for row in self.asked if not row.is_done]

    def counted(self, state: str) -> int:
        """How many of those to be analysed are in this state."""
        return sum(row.state == state for row in self.asked)

    @property
    def totals(self) -> list[CoverageTotal]:
        """Per currency, by currency code."""
        by_currency: dict[str, list[Covered]] = {}
        for row in self.asked:
            by_currency.setdefault(row.row.currency, []).append(row)
        return [
            CoverageTotal(
                currency=currency,
                asked=explained_by(abs(row.row.closing) for row in rows),
                done=explained_by(abs(row.row.closing) for row in rows if row.is_done),
                unexplained=explained_by(
                    abs(row.unexplained) for row in rows if row.unexplained is not None
                ),
            )
            for currency, rows in sorted(by_currency.items())
        ]


def coverage_of(period: Period) -> Coverage:
    """Every balance of the period with its analysis, by account code (a fixed number of queries).

    A balance is to be analysed if its account stands on the balance sheet and something is or
    was on it in the period.
    """
    newest = _newest_versions(period)
    items = _items_by_version(version.pk for version in newest.values())
    supports = _standing(period.entity_id, [one for some in items.values() for one in some])
    rows = trial_balance(entity_id=period.entity_id, as_of=period.ends_on)
    return Coverage(
        period=period,
        rows=[
            _covered(row, newest.get((row.account.pk, row.currency)), items, supports)
            for row in rows
        ],
    )


def _covered(
    row: TrialBalanceRow,
    version: AnalysisVersion | None,
    items: Mapping[int, Sequence[AnalysisItem]],
    supports: Mapping[tuple[str, str], Support],
) -> Covered:
    is_asked = row.account.type in ANALYSED_TYPES and any((row.opening, row.debit, row.credit))
    if version is None:
        return Covered(row, None, None, is_asked, MISSING)
    own = items.get(version.pk, [])
    found = Analysed(version.analysis, version, own, row, Thresholds(), supports)
    return Covered(
        row, found.analysis, found.explained, is_asked, found.state, has_moved=found.has_moved
    )


def _newest_versions(period: Period) -> dict[tuple[int, str], AnalysisVersion]:
    """By account and currency."""
    newest = AnalysisVersion.objects.filter(
        analysis__period=period, number=F("analysis__version")
    ).select_related("analysis")
    return {(one.analysis.account_id, one.analysis.currency): one for one in newest}


def _items_by_version(version_ids: Iterable[int]) -> dict[int, list[AnalysisItem]]:
    found: dict[int, list[AnalysisItem]] = {}
    for item in AnalysisItem.objects.filter(version__in=list(version_ids)):
        found.setdefault(item.version_id, []).append(item)
    return found


def _standing(entity_id: int, items: Iterable[AnalysisItem]) -> dict[tuple[str, str], Support]:
    wanted = [(item.support_type, item.support_id) for item in items if item.support_type]
    return supports_standing(entity_id, wanted)


def _figures(row: AnalysisVersion | TrialBalanceRow | None) -> tuple[Decimal, ...]:
    return (row.opening, row.debit, row.credit) if row else ()


def _item_content(item: AnalysisItem, currency: str) -> dict[str, str | int | None]:
    return {
        "number": item.number,
        "description": item.description,
        "amount": plain(item.amount, currency),
        "reference": item.reference,
        "dated_on": item.dated_on.isoformat() if item.dated_on else None,
        "support": f"{item.support_type}:{item.support_id}:{item.support_digest}",
    }
