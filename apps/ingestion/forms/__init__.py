"""What people fill in on the pages of the imports."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.conf import settings

from apps.common.access import Actor
from apps.common.parsers import reason, strict_json
from apps.ingestion.formats.mapping import KEYS
from apps.ingestion.formats.tabular import MAX_CELL_BYTES
from apps.ingestion.models import RejectedLine, Source
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


class MappingField(forms.CharField):
    """A field mapping as JSON, indented so that people can read it; a fault names its place."""

    widget = forms.Textarea(attrs={"rows": 22, "class": "mono", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            ordered = {key: value[key] for key in KEYS if key in value}
            return json.dumps({**ordered, **value}, indent=2, ensure_ascii=False) if value else ""
        return value

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value)
        try:
            found = strict_json(text) if text else {}
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {reason(error)}.") from None
        if not isinstance(found, dict):
            raise forms.ValidationError("A field mapping is a JSON object: { ... }.")
        return found


class MappingForm(forms.Form):
    """A field mapping, and a file to try it on."""

    sample = forms.FileField(label="Sample file", required=False, allow_empty_file=True)
    mapping = MappingField(
        label="Field mapping",
        required=False,
        help_text="JSON. Empty: columns are found by well-known names.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, latest: str = "", **kwargs: Any) -> None:
        """`latest` is the name of the file that is taken where no sample is chosen."""
        super().__init__(*args, **kwargs)
        self.fields["sample"].help_text = (
            f"Left empty, the file that came last is taken: {latest}." if latest else ""
        )


class CorrectionForm(forms.Form):
    """The texts of rejected lines, one field for each column, and why they are changed."""

    reason = forms.CharField(
        label="Why",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why in a few words."},
    )

    def __init__(
        self,
        *args: Any,
        texts: Mapping[RejectedLine, Mapping[str, str]],
        read_from: Mapping[RejectedLine, Collection[str]],
        **kwargs: Any,
    ) -> None:
        """`read_from` are the columns that the field at fault of a line is read from."""
        super().__init__(*args, **kwargs)
        cells = [(line, name) for line, of_line in texts.items() for name in of_line]
        self.columns = {f"column_{number}": cell for number, cell in enumerate(cells)}
        for key, (line, name) in self.columns.items():
            self.fields[key] = forms.CharField(
                label=f"Line {line.line:,}: {name}" if len(texts) > 1 else name,
                initial=texts[line][name],
                required=False,
                strip=False,
                max_length=MAX_CELL_BYTES,
                widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
                help_text=_hint(line, name) if name in read_from[line] else "",
            )
        self.order_fields([*self.columns, "reason"])

    @property
    def texts(self) -> dict[int, dict[str, str]]:
        """What was filled in, by id of the line and column."""
        found: dict[int, dict[str, str]] = {}
        for key, (line, name) in self.columns.items():
            found.setdefault(line.pk, {})[name] = self.cleaned_data[key]
        return found


_LAYOUTS = {
    "mt940": "Value date (YYMMDD), entry date (MMDD), C or D (RC, RD), amount with a comma, type"
    " such as NTRF, references.",
    "bai2": "Type code, amount in the smallest unit, funds type, references, text.",
}


def _hint(line: RejectedLine, name: str) -> str:
    """Where the fault is, and how the text is laid out where nobody could know."""
    return f"The fault is here. {_LAYOUTS.get(line.batch.format, '')}".strip()
