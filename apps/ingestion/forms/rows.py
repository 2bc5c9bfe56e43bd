"""A field mapping as a form: rows of fields, rows of steps, and how the file is written.

Rows are added, taken out and moved by round trips: each button sends all rows, and the answer has
them as they are then. What is wrong stands at the row and input that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms

from apps.ingestion.formats.mapping import ENCODINGS, FIELDS
from apps.ingestion.formats.mapping_rows import (
    FIELDS_PART,
    INPUTS,
    SETTINGS_PART,
    STEPS_PART,
    Built,
    Row,
    Rows,
    mapping_of,
)
from apps.ingestion.formats.transformations import MAX_STEPS, MAX_TRANSFORMATIONS

MOST_ROWS: Final = MAX_TRANSFORMATIONS * MAX_STEPS
_NEW: Final[Mapping[str, Row]] = {
    FIELDS_PART: {"field": "", "column": ""},
    STEPS_PART: {"column": "", "type": "number", "decimal": ","},
}
_DEFAULTS: Final[Row] = {"separator": " ", "to": "text", "decimal": ".", "then_kind": "text"}


def _text(label: str, help_text: str = "") -> forms.Field:
    return forms.CharField(label=label, help_text=help_text, required=False, strip=False)


def _lines(label: str, help_text: str = "") -> forms.Field:
    area = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, widget=area
    )


def _choice(label: str, choices: Any, help_text: str = "") -> forms.Field:
    return forms.ChoiceField(label=label, choices=choices, help_text=help_text, required=False)


_DECIMALS = [(".", "1,234.56: a point"), (",", "1.234,56: a comma")]
_ASKED = [
    ("", "always"),
    ("equals", "is exactly"),
    ("in", "is one of (one a line)"),
    ("matches", "matches the pattern"),
    ("is_blank", "is blank"),
    ("is_filled", "is not blank"),
]
_BRANCHES = [("text", "this text"), ("column", "the column")]
_TYPES = [
    ("number", "read a number"),
    ("date", "read a date"),
    ("round", "round"),
    ("sign", "turn the sign"),
    ("split", "take a part"),
    ("concat", "join columns"),
    ("lookup", "look up in a table"),
    ("extract", "find by a pattern"),
    ("constant", "always the same text"),
    ("conditional", "one or the other"),
    ("rename", "rename"),
    ("cast", "require a kind of text"),
]
# One field for each input of a step (formats.mapping_rows.INPUTS).
_INPUT_FIELDS: Final[Mapping[str, Any]] = {
    "to": lambda: _choice(
        "Kind",
        [
            ("text", "any text"),
            ("integer", "whole number"),
            ("number", "number"),
            ("date", "date, 2026-12-31"),
        ],
    ),
    "decimal": lambda: _choice("Written as", _DECIMALS),
    "format": lambda: _text("Written as", "%d day, %m month, %Y year: %d.%m.%Y is 31.12.2026."),
    "decimals": lambda: _text("Decimals", "0 to 4."),
    "rounding": lambda: _choice(
        "Halves",
        [("", "up (usual)"), ("half_up", "up"), ("half_even", "to the even"), ("down", "cut off")],
    ),
    "when_column": lambda: _text("When the column"),
    "when_asks": lambda: _choice("asked", _ASKED),
    "when_value": lambda: _lines("this"),
    "separator": lambda: _text("Separator", "A blank counts too."),
    "part": lambda: _text("Part", "1 is the first, -1 the last."),
    "columns": lambda: _lines("Columns", "One a line; blank ones are left out."),
    "table": lambda: _lines("Table", "One pair a line: text => other text."),
    "default_kind": lambda: _choice(
        "Where nothing is found", [("", "reject the line"), ("text", "take this text")]
    ),
    "default": lambda: _text("Text"),
    "pattern": lambda: _text("Pattern", "A regular expression: INV-([0-9]+)."),
    "group": lambda: _text("Group", "Blank: the first; 0: all that is found."),
    "value": lambda: _text("Text"),
    "then_kind": lambda: _choice("then take", _BRANCHES),
    "then": lambda: _text("Text or column"),
    "otherwise_kind": lambda: _choice(
        "otherwise take", [("", "what was there before"), *_BRANCHES]
    ),
    "otherwise": lambda: _text("Text or column"),
}


class FieldRow(forms.Form):
    """A field of a line, and a column that it is read from."""

    field = forms.ChoiceField(
        label="Field", choices=[("", "Choose a field"), *((one, one) for one in FIELDS)]
    )
    column = _text("From column")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["field"].required = False


class StepRow(forms.Form):
    """A step: the column that it makes, what it does, and what it needs for that."""

    column = _text("Makes column")
    type = _choice("Step", _TYPES)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind not in ("constant", "concat"):
            name = "From column"
            self.fields["from"] = _text(name, "Blank: what the step before made, or this column.")
        for name in INPUTS.get(kind, ()):
            self.fields[name] = _INPUT_FIELDS[name]()


class Settings(forms.Form):
    """How the file is written."""

    currency = _text("Currency of every line", "ISO 4217, such as EUR; blank: from a column.")
    account = _text("Account of every line", "Blank: from a column, or none.")
    date_format = _text("Dates", "Such as %d.%m.%Y; blank: found by what the file holds.")
    decimal = _choice("Amounts", [("", "found by what the file holds"), *_DECIMALS])
    separator = _text("Between cells", "One character, tab or blank; blank field: detected.")
    encoding = _choice("Encoding", [("", "detected"), *((one, one) for one in ENCODINGS)])
    sheet = _text("Sheet", "Of a workbook; blank: the first that holds a table.")
    has_header = _choice(
        "First row", [("yes", "has the names of the columns"), ("no", "is a line already")]
    )
    is_inverted = _choice(
        "Signs", [("no", "inflow is positive"), ("yes", "the other way round: our own books")]
    )
    debit_words = _lines("Words for a debit", "Of the indicator, one a line; blank: the usual.")
    credit_words = _lines("Words for a credit")
    attributes = _choice(
        "Other columns",
        [("all", "keep all"), ("some", "keep these"), ("none", "keep none")],
    )
    attribute_columns = _lines("Columns to keep", "One a line.")
    parted = forms.CharField(required=False, widget=forms.HiddenInput)


@dataclass(frozen=True)
class RowsForm:
    """The rows as they stand in the page, each a form of its own."""

    rows: Rows
    fields: list[FieldRow]
    steps: list[StepRow]
    settings: Settings
    faults: list[str]

    @classmethod
    def of(cls, rows: Rows) -> RowsForm:
        """The form that shows these rows."""
        return cls(
            rows,
            [
                FieldRow(_sent(row, prefix), prefix=prefix)
                for prefix, row in _named("f", rows.fields)
            ],
            [
                StepRow(_sent(row, prefix), prefix=prefix, kind=row.get("type", ""))
                for prefix, row in _named("s", rows.steps)
            ],
            Settings(_sent(rows.settings, "o"), prefix="o"),
            [],
        )

    @property
    def built(self) -> Built:
        """The mapping that the rows describe."""
        return mapping_of(self.rows)

    @property
    def has_settings(self) -> bool:
        """Whether something is said of how the file is written, or is wrong with it."""
        said = self.rows.settings.items()
        usual = {"has_header": "yes", "is_inverted": "no", "attributes": "all"}
        names = [name for name, text in said if text and name != "parted"]
        is_said = any(self.rows.settings[name] != usual.get(name) for name in names)
        return is_said or bool(self.settings.errors)

    def blame(self, path: str, message: str) -> None:
        """Put a fault where it belongs: at its input, at its row, or above the rows."""
        place = self.built.place_of(path)
        if place is None:
            self.faults.append(message)
            return
        part, number, name = place
        form: forms.Form = self.settings
        if part != SETTINGS_PART:
            form = (self.fields if part == FIELDS_PART else self.steps)[number]
        told = message.removeprefix(f"{path}: ")
        label = str(form.fields[name].label) if name in form.fields else ""
        form.add_error(name if name in form.fields else None, told)
        # A label in small letters is a word of the row's sentence, and names nothing by itself.
        of_it = f", {label}" if label[:1].isupper() else ""
        self.faults.append(f"{_WHERE[part].format(number + 1)}{of_it}: {told}")


_WHERE = {FIELDS_PART: "Field {}", STEPS_PART: "Step {}", SETTINGS_PART: "How the file is written"}


def rows_in(posted: Mapping[str, str]) -> Rows:
    """The rows that a page sent."""
    return Rows(
        [_row(posted, f"f-{number}") for number in range(_count(posted, "f"))],
        [_row(posted, f"s-{number}") for number in range(_count(posted, "s"))],
        _row(posted, "o"),
    )


def acted(rows: Rows, act: str) -> tuple[Rows, str]:
    """The rows after a button was pressed, and the id of what is looked at next.

    Args:
        act: `add-field`, `add-step`, or `remove`, `up`, `down` with part and number: `up-s-2`.
            Anything else changes nothing.
    """
    listed = {"f": list(rows.fields), "s": list(rows.steps)}
    verb, _, rest = act.partition("-")
    part, _, text = rest.partition("-")
    if verb == "add" and part in ("field", "step"):
        name = part[0]
        if len(listed[name]) < MOST_ROWS:
            listed[name].append(dict(_NEW[FIELDS_PART if name == "f" else STEPS_PART]))
        return Rows(listed["f"], listed["s"], rows.settings), f"row-{name}-{len(listed[name]) - 1}"
    if part not in listed or not text.isdigit() or int(text) >= len(listed[part]):
        return rows, ""
    number, chosen = int(text), listed[part]
    goal = {"up": number - 1, "down": number + 1}.get(verb, number)
    if verb == "remove":
        del chosen[number]
        goal = min(number, len(chosen) - 1)
    elif 0 <= goal < len(chosen):
        chosen.insert(goal, chosen.pop(number))
    return Rows(listed["f"], listed["s"], rows.settings), f"row-{part}-{max(goal, 0)}"


def _named(part: str, rows: Any) -> Iterator[tuple[str, Row]]:
    return ((f"{part}-{number}", row) for number, row in enumerate(rows))


def _sent(row: Row, prefix: str) -> dict[str, str]:
    """The row as a page sends it; an input that is new to it has its default."""
    wanted = INPUTS.get(row.get("type", ""), ())
    new = {name: _DEFAULTS[name] for name in wanted if name in _DEFAULTS and name not in row}
    return {f"{prefix}-{name}": text for name, text in (row | new).items()}


def _count(posted: Mapping[str, str], part: str) -> int:
    text = posted.get(f"{part}-count", "0")
    return min(int(text), MOST_ROWS) if text.isdigit() and len(text) < 6 else 0


def _row(posted: Mapping[str, str], prefix: str) -> Row:
    begin = f"{prefix}-"
    return {name[len(begin) :]: posted[name] for name in posted if name.startswith(begin)}
