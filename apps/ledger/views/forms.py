"""What people fill in on the ledger's pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.forms import BaseFormSet, formset_factory

from apps.common.models import ScopedQuerySet
from apps.identity.models import Entity
from apps.ledger.models import Account, JournalLine, Period
from apps.ledger.services import LineDraft
from apps.ledger.states import KINDS_WRITTEN, EntryKind, EntryStatus

EMPTY_ROWS = 4
MOST_ROWS = 500


def _date_widget() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class JournalFilter(forms.Form):
    """Narrows the list of journal entries."""

    q = forms.CharField(label="Search", required=False, max_length=100, widget=forms.SearchInput())
    period = forms.ChoiceField(label="Period", required=False)
    status = forms.ChoiceField(
        label="Status", choices=[("", "All"), *EntryStatus.choices], required=False
    )
    kind = forms.ChoiceField(
        label="Kind", choices=[("", "All"), *EntryKind.choices], required=False
    )
    account = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput())
    entity = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput())

    def __init__(self, *args: Any, entities: Sequence[Entity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = (
            Period.objects.filter(entity__in=entities)
            .order_by("-name")
            .values_list("name", flat=True)
            .distinct()
        )
        period: Any = self.fields["period"]
        period.choices = [("", "All"), *((name, name) for name in names)]

    def narrow(self, entries: ScopedQuerySet) -> ScopedQuerySet:
        """The entries that the filled-in fields leave; none while one is in error."""
        if not self.is_valid():
            return entries.none()
        asked = self.cleaned_data
        for field, path in (("period", "period__name"), ("status", "status"), ("kind", "kind")):
            if asked.get(field):
                entries = entries.filter(**{path: asked[field]})
        lines = JournalLine.objects.filter(entry_id=OuterRef("pk"))
        if code := asked.get("account"):
            entries = entries.filter(Exists(lines.filter(account__code=code)))
        if words := asked.get("q"):
            named = Q(reference__icontains=words) | Q(counterparty__icontains=words)
            entries = entries.filter(
                Q(description__icontains=words) | Q(external_id=words) | Exists(lines.filter(named))
            )
        return entries

    @property
    def is_narrowed(self) -> bool:
        """True if any field but the entity says something."""
        return any(self.data.get(name) for name in self.fields if name != "entity")


class TrialBalanceFilter(forms.Form):
    """The day of a trial balance."""

    entity = forms.ChoiceField(label="Entity")
    as_of = forms.DateField(label="At the end of", widget=_date_widget())

    def __init__(self, *args: Any, entities: Sequence[Entity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entity: Any = self.fields["entity"]
        entity.choices = [(one.code, one.name) for one in entities]
        if len(entities) == 1:
            entity.widget = forms.HiddenInput()


class HeadForm(forms.Form):
    """What a journal entry says besides its lines."""

    posted_on = forms.DateField(
        label="Accounting date", widget=_date_widget(), help_text="Decides the period."
    )
    description = forms.CharField(label="What it is for", max_length=500)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput())


class NewHeadForm(HeadForm):
    """The same for a new entry; its kind is chosen once."""

    kind = forms.ChoiceField(
        label="Kind",
        choices=[choice for choice in EntryKind.choices if choice[0] in KINDS_WRITTEN],
        initial=EntryKind.MANUAL,
        help_text="A soft-closed period takes adjustments only.",
    )
    field_order = ("posted_on", "kind", "description")


class LineForm(forms.Form):
    """A row of the entry form; a row with nothing in it is left out."""

    account = forms.CharField(
        label="Account",
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"list": "accounts", "autocomplete": "off"}),
    )
    debit = forms.DecimalField(
        label="Debit",
        required=False,
        min_value=Decimal(0),
        max_digits=20,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "num"}),
    )
    credit = forms.DecimalField(
        label="Credit",
        required=False,
        min_value=Decimal(0),
        max_digits=20,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "num"}),
    )
    reference = forms.CharField(label="Reference", max_length=140, required=False)
    counterparty = forms.CharField(label="Counterparty", max_length=200, required=False)
    narrative = forms.CharField(label="Text", max_length=1000, required=False)
    currency = forms.CharField(max_length=3, required=False, widget=forms.HiddenInput())

    def clean(self) -> dict[str, Any]:
        row = super().clean() or {}
        if self.has_content() and not self.errors and not row.get("account"):
            self.add_error("account", "Choose an account.")
        return row

    def has_content(self) -> bool:
        """True if anything but the currency is filled in."""
        return any(
            str(self.data.get(self.add_prefix(name), "")).strip()
            for name in self.fields
            if name != "currency"
        )

    def draft(self) -> LineDraft:
        """The row as the service takes it."""
        row = self.cleaned_data
        return LineDraft(
            account=row["account"],
            debit=row["debit"] or Decimal(0),
            credit=row["credit"] or Decimal(0),
            currency=row["currency"],
            reference=row["reference"],
            counterparty=row["counterparty"],
            narrative=row["narrative"],
        )


LineRows: type[BaseFormSet[LineForm]] = formset_factory(
    LineForm, extra=0, max_num=MOST_ROWS, absolute_max=MOST_ROWS, validate_max=True
)


class ConfirmForm(forms.Form):
    """A step that needs no words."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput())


class ReasonForm(ConfirmForm):
    """A step that needs a reason."""

    reason = forms.CharField(label="Why", max_length=400, widget=forms.Textarea(attrs={"rows": 3}))


class ReversalForm(ReasonForm):
    """A reversal: on which day, and why."""

    posted_on = forms.DateField(label="Accounting date of the reversal", widget=_date_widget())
    field_order = ("posted_on", "reason")


def account_choices(entity: Entity) -> list[Account]:
    """The accounts that take lines, by code."""
    return list(Account.objects.filter(entity=entity, is_active=True).order_by("code"))


class ReopeningForm(forms.Form):
    """Why a closed period is to take postings again, which ones, and until when."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Those who approve it read this, and so does the auditor.",
    )
    kinds = forms.MultipleChoiceField(
        label="Kinds of entries", choices=EntryKind.choices, widget=forms.CheckboxSelectMultiple()
    )
    accounts = forms.CharField(
        required=False,
        max_length=2000,
        help_text="Codes with a comma between them. Empty: every account.",
    )
    expires_at = forms.DateTimeField(
        label="Until",
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
        help_text="From then on nothing is posted, and the period closes. At most 14 days.",
    )

    def clean_accounts(self) -> list[str]:
        """The codes, without the space around them."""
        return [code for part in self.cleaned_data["accounts"].split(",") if (code := part.strip())]
