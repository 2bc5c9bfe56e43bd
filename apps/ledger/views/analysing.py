"""Write what a balance consists of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.common.errors import NotVisible, Refusal
from apps.common.forms import complain_in_rows
from apps.common.money import plain
from apps.identity.context import actor_of
from apps.ledger.models import Account, AccountAnalysis, Period
from apps.ledger.permissions import PREPARE_ANALYSIS
from apps.ledger.registry import Support, supports_offered
from apps.ledger.selectors import (
    Analysed,
    Thresholds,
    TrialBalanceRow,
    analysed,
    balance_of,
    explained_by,
    thresholds_of,
)
from apps.ledger.services import AnalysisDraft, prepare_analysis, submit_analysis
from apps.ledger.views.analysis_forms import (
    EMPTY_ROWS,
    MOST_ITEMS,
    BalanceQuery,
    ItemRows,
    SeenForm,
    WordsForm,
)
from apps.ledger.views.scope import chosen_entity, permitted_entities


@dataclass(frozen=True)
class Balance:
    """The balance that a page is about.

    Attributes:
        newest: its analysis in this period, or else in the last one before; None if there is none.
        offered: what items can rest on.
    """

    period: Period
    row: TrialBalanceRow
    newest: AccountAnalysis | None
    thresholds: Thresholds
    offered: dict[tuple[str, str], Support]

    @property
    def own(self) -> AccountAnalysis | None:
        """Its analysis in this very period."""
        is_own = self.newest is not None and self.newest.period_id == self.period.pk
        return self.newest if is_own else None

    @property
    def version(self) -> int:
        """The number of the newest version in this period; 0 without one."""
        return self.own.version if self.own else 0


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def analyse(request: HttpRequest) -> HttpResponse:
    """A form with what was said last, or what was filled in."""
    balance = _balance(request)
    if request.method == "POST":
        return _take(request, balance)
    before = analysed(balance.newest) if balance.newest else None
    words = WordsForm(initial=_words_of(before) if balance.own and before else None)
    return _show(request, balance, words, _rows(balance, _typed_of(balance, before)))


@require_POST
@login_required
def items_part(request: HttpRequest) -> HttpResponse:
    """What the rows as they are filled in now leave unexplained (a part, for htmx)."""
    balance = _balance(request)
    context = {"balance": balance, **_sums(balance, _bound_rows(request, balance))}
    return render(request, "ledger/_analysis_sums.html", context)


def _take(request: HttpRequest, balance: Balance) -> HttpResponse:
    """Save what was sent, or show it again with what stands in the way."""
    words, rows = WordsForm(request.POST), _bound_rows(request, balance)
    if "more" in request.POST:
        typed = [
            {name: form.data.get(form.add_prefix(name), "") for name in form.fields}
            for form in rows.forms
        ]
        said = {name: words.data.get(name, "") for name in words.fields}
        return _show(request, balance, WordsForm(initial=said), _rows(balance, typed))
    seen = SeenForm(request.POST)
    are_valid = words.is_valid(), rows.is_valid(), seen.is_valid()
    if not seen.is_valid():
        words.add_error(None, "Open this page again: it does not say what you saw.")
    code = 422
    if all(are_valid):
        try:
            saved = _save(request, balance, words, rows, seen)
        except Refusal as refusal:
            code = refusal.status
            complain_in_rows(words, rows, refusal, "item")
        else:
            done = "saved as a draft" if "submit" not in request.POST else "signed"
            messages.success(request, f"Version {saved.version} of {saved.label} is {done}.")
            return redirect("ledger:analysis", saved.pk)
    return _show(request, balance, words, rows, status=code)


@transaction.atomic
def _save(
    request: HttpRequest, balance: Balance, words: WordsForm, rows: Any, seen: SeenForm
) -> AccountAnalysis:
    """Write the version, and sign it in the same transaction if that was asked."""
    actor = actor_of(request)
    analysis = prepare_analysis(
        period_id=balance.period.pk,
        account=balance.row.account.code,
        currency=balance.row.currency,
        content=AnalysisDraft(
            items=[form.draft() for form in rows.forms if form.has_content()],
            **words.cleaned_data,
        ),
        expected_version=seen.cleaned_data["version"],
        expected_closing=seen.cleaned_data["closing"],
        actor=actor,
    )
    if "submit" in request.POST:
        analysis = submit_analysis(analysis_id=analysis.pk, actor=actor)
    return analysis


def _balance(request: HttpRequest) -> Balance:
    """The balance that the query string names.

    Raises:
        NotVisible: there is none for this person.
    """
    entity = chosen_entity(request, permitted_entities(request, PREPARE_ANALYSIS))
    query = BalanceQuery(request.GET)
    if not query.is_valid():
        raise NotVisible
    asked = query.cleaned_data
    period = Period.objects.filter(entity=entity, name=asked["period"]).first()
    account = Account.objects.filter(entity=entity, code=asked["account"]).first()
    if period is None or account is None:
        raise NotVisible
    currency = asked["currency"] or entity.functional_currency
    row = balance_of(account=account, currency=currency, period=period)
    if row is None:
        raise NotVisible
    newest = (
        AccountAnalysis.objects.filter(
            account=account, currency=currency, period__starts_on__lte=period.starts_on
        )
        .select_related("entity", "period", "account")
        .order_by("-period__starts_on")
        .first()
    )
    return Balance(
        period=period,
        row=row,
        newest=newest,
        thresholds=thresholds_of(account, currency),
        offered=supports_offered(entity.pk, period.starts_on, period.ends_on),
    )


def _bound_rows(request: HttpRequest, balance: Balance) -> Any:
    return ItemRows(request.POST, prefix="items", form_kwargs={"offered": balance.offered})


def _rows(balance: Balance, typed: list[dict[str, Any]]) -> Any:
    """These rows and some empty ones after them."""
    empty: list[dict[str, Any]] = [{} for _ in range(EMPTY_ROWS)]
    return ItemRows(
        initial=[*typed, *empty][:MOST_ITEMS],
        prefix="items",
        form_kwargs={"offered": balance.offered},
    )


def _typed_of(balance: Balance, before: Analysed | None) -> list[dict[str, Any]]:
    """The items said last; what they rested on only where it can still be chosen."""
    if before is None:
        return []
    return [
        {
            "description": item.description,
            "amount": plain(item.amount, balance.row.currency),
            "reference": item.reference,
            "dated_on": item.dated_on,
            "support": f"{item.support_type}:{item.support_id}"
            if (item.support_type, item.support_id) in balance.offered
            else "",
        }
        for item in before.items
    ]


def _words_of(before: Analysed) -> dict[str, str]:
    return {name: getattr(before.version, name) for name in WordsForm.base_fields}


def _sums(balance: Balance, rows: Any) -> dict[str, Decimal]:
    """What the rows that can be read explain, and what they leave."""
    amounts = []
    for form in rows.forms:
        if form.is_bound:
            form.is_valid()
            amounts.append(form.cleaned_data.get("amount") or Decimal(0))
        else:
            amounts.append(_readable(form.fields["amount"], form.initial.get("amount")))
    explained = explained_by(amounts)
    return {"explained": explained, "unexplained": balance.row.closing - explained}


def _readable(field: Any, typed: Any) -> Decimal:
    """The amount that was typed; zero where it is none."""
    try:
        amount: Decimal | None = field.clean(typed)
    except ValidationError:
        return Decimal(0)
    return amount or Decimal(0)


def _show(
    request: HttpRequest, balance: Balance, words: WordsForm, rows: Any, *, status: int = 200
) -> HttpResponse:
    context = {
        "page_title": f"Analyse {balance.row.account}, {balance.period.name}",
        "balance": balance,
        "words": words,
        "rows": rows,
        "seen_version": request.POST.get("version", balance.version),
        **_sums(balance, rows),
    }
    return render(request, "ledger/analysis_form.html", context, status=status)
