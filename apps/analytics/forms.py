"""What people fill in on the anomalies' pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q

from apps.analytics.services import LONGEST_COMMENT
from apps.analytics.states import Disposition
from apps.common.models import ScopedQuerySet
from apps.ledger.models import JournalLine

DECIDED = [choice for choice in Disposition.choices if choice[0] != Disposition.OPEN]


class AnomalyFilter(forms.Form):
    """Narrows the list; without a choice it shows what is to be reviewed."""

    ALL = "all"

    q = forms.CharField(label="Search", required=False, max_length=100, widget=forms.SearchInput())
    period = forms.ChoiceField(label="Period", required=False)
    disposition = forms.ChoiceField(
        label="Decision", choices=[*Disposition.choices, (ALL, "All")], required=False
    )

    entity = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput())

    def __init__(self, *args: Any, periods: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        period: Any = self.fields["period"]
        period.choices = [("", "All"), *((name, name) for name in periods)]

    def narrow(self, anomalies: ScopedQuerySet) -> ScopedQuerySet:
        """The anomalies that the filled-in fields leave; none while one is in error."""
        if not self.is_valid():
            return anomalies.none()
        asked = self.cleaned_data
        for field, path in (("period", "run__period__name"), ("entity", "run__entity__code")):
            if asked.get(field):
                anomalies = anomalies.filter(**{path: asked[field]})
        disposition = asked.get("disposition") or Disposition.OPEN
        if disposition != self.ALL:
            anomalies = anomalies.filter(disposition=disposition)
        if words := asked.get("q"):
            lines = JournalLine.objects.filter(
                entry_id=OuterRef("entry_id"), reference__icontains=words
            )
            anomalies = anomalies.filter(
                Q(entry__description__icontains=words)
                | Q(entry__external_id__icontains=words)
                | Exists(lines)
            )
        return anomalies

    @property
    def is_narrowed(self) -> bool:
        """True if any field says something."""
        return any(self.data.get(name) for name in self.fields)


class ReviewForm(forms.Form):
    """A decision about an entry that stands out."""

    disposition = forms.ChoiceField(
        label="Decision",
        choices=DECIDED,
        widget=forms.RadioSelect(),
    )
    comment = forms.CharField(
        label="Why",
        max_length=LONGEST_COMMENT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What you looked at, and what follows from it.",
    )
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput())
