"""Forms about questions: whom one asks what, and what one thinks."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.identity.models import User
from apps.identity.selectors import user_named

_LONGEST = 2000


def _words(label: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 4})
    )


class ConsultForm(forms.Form):
    """Whom one asks, and what."""

    colleague = forms.ModelChoiceField(
        label="Who",
        queryset=User.objects.none(),
        to_field_name="username",
        required=False,
        empty_label="Choose a person",
    )
    login = forms.CharField(
        label="Or somebody of another company",
        required=False,
        max_length=254,
        help_text="By user name or e-mail address. He sees this request alone.",
    )
    question = _words("Question")
    expected_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, colleagues: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["colleague"].queryset = colleagues

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.cleaned_data
        chosen, login = facts.get("colleague"), facts.get("login", "")
        if bool(chosen) == bool(login):
            self.add_error("colleague", "Choose one person.")
            return facts
        facts["person"] = chosen or user_named(login)
        if facts["person"] is None:
            self.add_error("login", "There is nobody of this name.")
        return facts


class AnswerForm(forms.Form):
    """What one thinks."""

    text = _words("Answer")
    expected_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
