"""A field mapping as rows that people fill in, and back: the form's side of `mapping`.

Every input is a text, as a form sends it. `mapping_of` only puts texts in their place in the
vocabulary; what is wrong with them `FieldMapping.from_dict` says, by a path that `Built.place_of`
leads back to the input. The few mappings that rows cannot show are left to those who write JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from apps.ingestion.formats.errors import MappingInvalid
from apps.ingestion.formats.mapping import CONSTANT_FIELDS, KEYS, VALUE_FIELDS, FieldMapping

Row: TypeAlias = dict[str, str]  # input -> text
Place: TypeAlias = tuple[str, int, str]  # part of the form, number of the row, input

FIELDS_PART, STEPS_PART, SETTINGS_PART = "fields", "steps", "settings"
_WHEN = ("when_column", "when_asks", "when_value")
_DEFAULT = ("default_kind", "default")
# The inputs of each kind of step, besides the column that it makes and where it starts from.
INPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "rename": (),
    "cast": ("to",),
    "number": ("decimal",),
    "date": ("format",),
    "round": ("decimals", "rounding"),
    "sign": _WHEN,
    "split": ("separator", "part"),
    "concat": ("columns", "separator"),
    "lookup": ("table", *_DEFAULT),
    "extract": ("pattern", "group", *_DEFAULT),
    "constant": ("value",),
    "conditional": (*_WHEN, "then_kind", "then", "otherwise_kind", "otherwise"),
}
_FROM_NOTHING = ("constant", "concat")  # these start from no column
_LINES = {"columns", "table", "when_value", "debit_words", "credit_words", "attribute_columns"}
_ARROW = "=>"
_SEPARATORS = {"tab": "\t", "blank": " "}
_WORDS = ("debit_words", "credit_words")
_SIMPLE_SETTINGS = ("date_format", "decimal", "encoding", "sheet")
_INPUT_OF = {"when": "when_asks", "when.column": "when_column", "then.column": "then"}
_ASKED = ("when.equals", "when.in", "when.matches", "when.is_blank")
_INPUT_OF |= dict.fromkeys(_ASKED, "when_value") | {"otherwise.column": "otherwise"}


class Unshowable(Exception):
    """The mapping holds something that rows cannot show, such as a line break in a name."""


@dataclass(frozen=True)
class Rows:
    """What stands in the form.

    Attributes:
        fields: `field`, `column`; rows of one field join their columns.
        steps: `column` (that is made), `type`, `from`, and INPUTS; rows of one column follow each
            other.
        settings: everything else.
    """

    fields: Sequence[Row]
    steps: Sequence[Row]
    settings: Row


@dataclass(frozen=True)
class Built:
    """A mapping as it was filled in, and where each of its keys stands in the form."""

    mapping: dict[str, Any]
    places: Mapping[str, Place]

    def place_of(self, path: str) -> Place | None:
        """The input that a path such as `transformations.sum[1].decimals` was made of."""
        known = [begin for begin in self.places if path == begin or path[len(begin) :][:1] in ".["]
        begins = [begin for begin in known if path.startswith(begin)]
        if not begins:
            return None
        begin = max(begins, key=len)
        part, number, name = self.places[begin]
        rest = path.removeprefix(begin).lstrip(".")
        if part == STEPS_PART and rest:
            name = _INPUT_OF.get(rest, rest)
        return part, number, name


def mapping_of(rows: Rows) -> Built:
    """The mapping that the rows describe; blank rows and inputs are left out."""
    mapping: dict[str, Any] = {}
    places: dict[str, Place] = {}
    _put_fields(mapping, places, rows)
    _put_steps(mapping, places, rows)
    _put_settings(mapping, places, rows.settings)
    return Built({key: mapping[key] for key in KEYS if key in mapping}, places)


def rows_of(mapping: Mapping[str, Any]) -> Rows:
    """The rows that describe a mapping.

    Raises:
        MappingInvalid: it is not sound.
        Unshowable: no rows describe it.
    """
    wanted = FieldMapping.from_dict(mapping)
    rows = Rows(list(_field_rows(mapping)), list(_step_rows(mapping)), _settings_row(mapping))
    try:
        built = FieldMapping.from_dict(mapping_of(rows).mapping)
    except MappingInvalid as fault:  # a text that does not come back as it was shown
        raise Unshowable from fault
    if not _are_plain(rows) or built != wanted:
        raise Unshowable
    return rows


def _put_fields(mapping: dict[str, Any], places: dict[str, Place], rows: Rows) -> None:
    columns: dict[str, list[str]] = {}
    for number, row in enumerate(rows.fields):
        name, column = row.get("field", ""), row.get("column", "")
        if not name and not column:
            continue
        columns.setdefault(name, []).append(column)
        part = _part_of(name, rows.settings)
        places.setdefault(f"{part}.{name}", (FIELDS_PART, number, "column" if name else "field"))
    for name, names in columns.items():
        given = names[0] if len(names) == 1 else names
        mapping.setdefault(_part_of(name, rows.settings), {})[name] = given


def _part_of(name: str, settings: Row) -> str:
    if settings.get("parted") != "yes":
        return "columns"
    return "value_mappings" if name in VALUE_FIELDS else "key_mappings"


def _put_steps(mapping: dict[str, Any], places: dict[str, Place], rows: Rows) -> None:
    made: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for number, row in enumerate(rows.steps):
        if row.get("column") or row.get("type"):
            made.setdefault(row.get("column", ""), []).append((number, _step(row)))
    for column, listed in made.items():
        path = f"transformations.{column}"
        specs = [spec for _, spec in listed]
        mapping.setdefault("transformations", {})[column] = specs if len(specs) > 1 else specs[0]
        places[path] = (STEPS_PART, listed[0][0], "column")
        for position, (number, _) in enumerate(listed) if len(listed) > 1 else ():
            places[f"{path}[{position}]"] = (STEPS_PART, number, "type")


def _step(row: Row) -> dict[str, Any]:
    kind = row.get("type", "")
    spec: dict[str, Any] = {"type": kind}
    if row.get("from") and kind not in _FROM_NOTHING:
        spec["from"] = row["from"]
    for name in INPUTS.get(kind, ()):
        if name not in _PARTS_OF_OTHERS:
            spec |= _WRITERS.get(name, _text)(row, name)
    return spec


def _text(row: Row, name: str) -> dict[str, Any]:
    return {name: row.get(name, "")}


def _filled_text(row: Row, name: str) -> dict[str, Any]:
    return _text(row, name) if row.get(name) else {}


def _whole(row: Row, name: str) -> dict[str, Any]:
    return {name: _number(row.get(name, ""))}


def _filled_whole(row: Row, name: str) -> dict[str, Any]:
    return _whole(row, name) if row.get(name) else {}


def _separator(row: Row, name: str) -> dict[str, Any]:
    """What stands between joined columns is a blank, unless it is said."""
    is_usual = row.get("type") == "concat" and row.get(name, " ") == " "
    return {} if is_usual else _text(row, name)


def _listed(row: Row, name: str) -> dict[str, Any]:
    return {name: _lines(row.get(name, ""))}


def _table(row: Row, name: str) -> dict[str, Any]:
    return {name: dict(_pair(line) for line in _lines(row.get(name, "")))}


def _default(row: Row, name: str) -> dict[str, Any]:
    return _text(row, name) if row.get("default_kind") == "text" else {}


def _when(row: Row, _: str) -> dict[str, Any]:
    is_asked = row.get("type") == "conditional" or row.get("when_column") or row.get("when_asks")
    return {"when": _condition(row)} if is_asked else {}


def _then(row: Row, name: str) -> dict[str, Any]:
    text = row.get(name, "")
    return {name: {"column": text} if row.get(f"{name}_kind") == "column" else text}


def _otherwise(row: Row, name: str) -> dict[str, Any]:
    return _then(row, name) if row.get("otherwise_kind") else {}


_PARTS_OF_OTHERS = ("when_asks", "when_value", "default_kind", "then_kind", "otherwise_kind")
_WRITERS: Final[Mapping[str, Callable[[Row, str], dict[str, Any]]]] = {
    "decimals": _whole,
    "part": _whole,
    "group": _filled_whole,
    "rounding": _filled_text,
    "separator": _separator,
    "columns": _listed,
    "table": _table,
    "default": _default,
    "when_column": _when,
    "then": _then,
    "otherwise": _otherwise,
}


def _condition(row: Row) -> dict[str, Any]:
    condition: dict[str, Any] = {"column": row.get("when_column", "")}
    asked, value = row.get("when_asks", ""), row.get("when_value", "")
    if asked in ("equals", "matches"):
        condition[asked] = value
    elif asked == "in":
        condition["in"] = _lines(value)
    elif asked:
        condition["is_blank"] = asked == "is_blank"
    return condition


def _put_settings(mapping: dict[str, Any], places: dict[str, Place], row: Row) -> None:
    constants = {name: row[name] for name in CONSTANT_FIELDS if row.get(name)}
    if constants:
        mapping["constants"] = constants
    mapping |= {name: row[name] for name in _SIMPLE_SETTINGS if row.get(name)}
    if text := row.get("separator"):
        mapping["separator"] = _SEPARATORS.get(text, text)
    if row.get("has_header") == "no":
        mapping["has_header"] = False
    if row.get("is_inverted") == "yes":
        mapping["is_inverted"] = True
    mapping |= {name: _lines(row[name]) for name in _WORDS if row.get(name, "").strip()}
    mapping |= _ATTRIBUTES.get(row.get("attributes", ""), _nothing)(row)
    names = (*_SIMPLE_SETTINGS, *_WORDS, "separator", "has_header", "is_inverted", "attributes")
    places |= {name: (SETTINGS_PART, 0, name) for name in names}
    places |= {f"constants.{name}": (SETTINGS_PART, 0, name) for name in CONSTANT_FIELDS}


def _nothing(row: Row) -> dict[str, Any]:
    return {}


_ATTRIBUTES: Final[Mapping[str, Callable[[Row], dict[str, Any]]]] = {
    "some": lambda row: {"attributes": _lines(row.get("attribute_columns", ""))},
    "none": lambda row: {"attributes": []},
}


def _field_rows(mapping: Mapping[str, Any]) -> Iterator[Row]:
    for part in ("columns", "key_mappings", "value_mappings"):
        for name, given in mapping.get(part, {}).items():
            for column in _listed_names(given):
                yield {"field": name, "column": column}


def _step_rows(mapping: Mapping[str, Any]) -> Iterator[Row]:
    for column, given in mapping.get("transformations", {}).items():
        for spec in given if isinstance(given, list) else [given]:
            yield {"column": column, **_step_row(spec)}


def _step_row(spec: Mapping[str, Any]) -> Row:
    kind = spec["type"]
    row = {"type": kind, "from": spec.get("from", "")}
    row |= {name: str(spec.get(name, "")) for name in INPUTS[kind]}
    if "when_column" in row:
        row |= _condition_row(spec.get("when", {}))
    if "default_kind" in row:
        row["default_kind"] = "text" if "default" in spec else ""
    if kind == "conditional":
        row |= _branch_row(spec, "then") | _branch_row(spec, "otherwise")
    if kind == "concat":
        row |= {"columns": "\n".join(spec["columns"]), "separator": spec.get("separator", " ")}
    if kind == "lookup":
        pairs = spec["table"].items()
        row["table"] = "\n".join(f"{key} {_ARROW} {text}" for key, text in pairs)
    return row


def _condition_row(when: Mapping[str, Any]) -> Row:
    asked = next((one for one in ("equals", "in", "matches", "is_blank") if one in when), "")
    value = when.get(asked, "")
    if asked == "is_blank":
        asked, value = ("is_blank", "") if value else ("is_filled", "")
    shown = "\n".join(value) if isinstance(value, list) else value
    return {"when_column": when.get("column", ""), "when_asks": asked, "when_value": shown}


def _branch_row(spec: Mapping[str, Any], name: str) -> Row:
    value = spec.get(name)
    if isinstance(value, Mapping):
        return {name: value["column"], f"{name}_kind": "column"}
    return {name: value or "", f"{name}_kind": "" if value is None else "text"}


def _settings_row(mapping: Mapping[str, Any]) -> Row:
    constants = mapping.get("constants", {})
    attributes = mapping.get("attributes")
    separator = mapping.get("separator") or ""
    names = {text: name for name, text in _SEPARATORS.items()}
    is_parted = "columns" not in mapping and {"key_mappings", "value_mappings"} & mapping.keys()
    return {
        "parted": "yes" if is_parted else "",
        "currency": constants.get("currency", ""),
        "account": constants.get("account", ""),
        **{name: mapping.get(name) or "" for name in _SIMPLE_SETTINGS},
        "separator": names.get(separator, separator),
        "has_header": "yes" if mapping.get("has_header", True) else "no",
        "is_inverted": "yes" if mapping.get("is_inverted", False) else "no",
        **{name: "\n".join(_listed_names(mapping.get(name, []))) for name in _WORDS},
        "attributes": "all" if attributes is None else "some" if attributes else "none",
        "attribute_columns": "\n".join(_listed_names(attributes or [])),
    }


def _listed_names(given: Any) -> list[str]:
    """One name or several, as texts."""
    return [str(name) for name in (given if isinstance(given, list | tuple) else [given])]


def _are_plain(rows: Rows) -> bool:
    """Whether a browser sends every text back as it was shown."""
    every = [*rows.fields, *rows.steps, rows.settings]
    return not any(
        "\r" in text or ("\n" in text and name not in _LINES)
        for row in every
        for name, text in row.items()
    )


def _lines(text: str) -> list[str]:
    """The lines of a text that are not blank."""
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def _pair(line: str) -> tuple[str, str | None]:
    """`a => b`; a line without an arrow has no second text, which is a fault of the table."""
    key, arrow, text = line.partition(_ARROW)
    return key.strip(), text.strip() if arrow else None


def _number(text: str) -> int | str:
    """A whole number, else the text as it stands, for `from_dict` to refuse."""
    digits = text.strip().removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 10 else text
