"""What people fill in on the pages of the close."""

from __future__ import annotations

from django import forms


class CompleteForm(forms.Form):
    """A word about what was done, and the version of the task that was seen."""

    comment = forms.CharField(
        label="What was done",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        error_messages={"required": "Say in a few words what was done."},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
