"""What people fill in on the pages of the imports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from apps.common.access import Actor
from apps.ingestion.models import Source
from apps.ingestion.permissions import IMPORT_FILE


class UploadForm(forms.Form):
    """A file for one of the sources that the person may import into."""

    source = forms.ModelChoiceField(
        label="Source",
        queryset=Source.objects.none(),
        empty_label="Choose a source",
        error_messages={"required": "Choose the source that the file belongs to."},
    )
    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        help_text="CSV, XLSX, JSON, Parquet, camt, MT940, OFX, BAI2, SAF-T or FEC."
        " The same file again changes nothing.",
        error_messages={"required": "Choose a file."},
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["source"]
        field.queryset = Source.objects.filter(
            entity_id__in=actor.entity_ids(IMPORT_FILE), is_active=True
        ).order_by("name")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_MAX_BYTES:
            raise forms.ValidationError(
                f"The file has more than {settings.UPLOAD_MAX_BYTES:,} bytes: split it by day or"
                " by account."
            )
        return file
