"""What people fill in on the pages of account analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from apps.identity.models import Entity
from apps.ledger.models import AnalysisItem, AnalysisVersion, Period
from apps.ledger.registry import Support
from apps.ledger.services import ItemDraft
from apps.ledger.services.analyses import MOST_ITEMS

EMPTY_ROWS = 4
LEFT, ASKED, ALL = "left", "asked", "all"
_LONGEST_WORDS = AnalysisVersion._meta.get_field("difference_explanation").max_length


class PeriodFilter(forms.Form):
    """Which balances of which period."""

    SHOWN = ((ASKED, "To be analysed"), (LEFT, "Still to do"), (ALL, "All accounts"))

    entity = forms.ChoiceField(label="Entity")
    period = forms.ChoiceField(label="Period")
    show = forms.ChoiceField(label="Show", choices=SHOWN)

    def __init__(
        self,
        *args: Any,
        entities: Sequence[Entity],
        periods: Sequence[Period],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        entity: Any = self.fields["entity"]
        entity.choices = [(one.code, one.name) for one in entities]
        if len(entities) == 1:
            entity.widget = forms.HiddenInput()
        period: Any = self.fields["period"]
        period.choices = [(one.name, one.name) for one in periods]


class BalanceQuery(forms.Form):
    """Which balance the address of a page names."""

    period = forms.CharField(max_length=20)
    account = forms.CharField(max_length=20)
    currency = forms.CharField(max_length=3, required=False)


class ItemForm(forms.Form):
    """A row of the form; a row with nothing in it is left out."""

    description = forms.CharField(
        label="What it is",
        max_length=AnalysisItem._meta.get_field("description").max_length,
        required=False,
    )
    amount = forms.DecimalField(
        label="Amount",
        required=False,
        max_digits=20,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "text", "class": "num", "autocomplete": "off"}),
    )
    reference = forms.CharField(
        label="Document",
        max_length=AnalysisItem._meta.get_field("reference").max_length,
        required=False,
    )
    dated_on = forms.DateField(
        label="Dated",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    support = forms.ChoiceField(label="Rests on", required=False)

    def __init__(
        self, *args: Any, offered: Mapping[tuple[str, str], Support], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if not offered:
            del self.fields["support"]
            return
        support: Any = self.fields["support"]
        support.choices = [("", "")] + [
            (f"{name}:{support_id}", one.label) for (name, support_id), one in offered.items()
        ]

    def clean(self) -> dict[str, Any]:
        row = super().clean() or {}
        if self.has_content() and not self.errors:
            for name, words in (("description", "Say what it is."), ("amount", "How much?")):
                if not row.get(name):
                    self.add_error(name, words)
        return row

    def has_content(self) -> bool:
        """True if anything is filled in."""
        return any(str(self.data.get(self.add_prefix(name), "")).strip() for name in self.fields)

    def draft(self) -> ItemDraft:
        """The row as the service takes it."""
        row = self.cleaned_data
        support_type, _, support_id = row.get("support", "").partition(":")
        return ItemDraft(
            description=row["description"],
            amount=row["amount"],
            reference=row["reference"],
            dated_on=row["dated_on"],
            support_type=support_type,
            support_id=support_id,
        )


ItemRows: type[BaseFormSet[ItemForm]] = formset_factory(
    ItemForm, extra=0, max_num=MOST_ITEMS, absolute_max=MOST_ITEMS, validate_max=True
)


class WordsForm(forms.Form):
    """What is said besides the items."""

    difference_explanation = forms.CharField(
        label="Why something is left unexplained",
        max_length=_LONGEST_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    change_explanation = forms.CharField(
        label="Why the balance moved in the period",
        max_length=_LONGEST_WORDS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SeenForm(forms.Form):
    """What the person had before him: hidden, and made anew with each page."""

    version = forms.IntegerField(min_value=0)
    closing = forms.DecimalField(max_digits=26, decimal_places=4)
