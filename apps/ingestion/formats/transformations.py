"""The transformations of a field mapping: from a plain dict (JSON) to steps, and onto a table.

```json
{"amount": [{"type": "number", "decimal": ","}, {"type": "round", "decimals": 2}]}
```

A key is a column that the transformation makes: one of the file, in the place of its own, or a new
one. Docs with an example of each type: docs/reference/file-formats.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP
from types import MappingProxyType
from typing import Any

import polars as pl

from apps.ingestion.formats import steps
from apps.ingestion.formats.errors import MappingInvalid
from apps.ingestion.formats.steps import Outcome, Step

MAX_TRANSFORMATIONS = 100
MAX_STEPS = 20
MAX_LOOKUP = 10_000
MAX_TEXT = 1_000
_ROUNDINGS = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}


@dataclass(frozen=True)
class Transformation:
    """The steps that make a column.

    Attributes:
        is_rename: the column that it starts from goes.
    """

    column: str
    steps: tuple[Step, ...]
    is_rename: bool = False

    @property
    def reads(self) -> frozenset[str]:
        """The columns of the file that it needs."""
        return frozenset[str]().union(*(step.reads for step in self.steps))

    @property
    def makes_numbers(self) -> bool:
        """Whether it gives plain digits with a decimal point, however the file writes numbers."""
        return isinstance(self.steps[-1], steps.NUMBERS)

    def apply(self, cells: pl.DataFrame) -> Outcome:
        """The column and the first fault of each row."""
        texts = pl.repeat("", cells.height, dtype=pl.String, eager=True)
        faults: list[pl.Series] = []
        for step in self.steps:
            outcome = step.apply(texts, cells)
            texts = outcome.texts
            if outcome.faults is not None:
                faults.append(outcome.faults)
        if not faults:
            return Outcome(texts)
        return Outcome(texts, pl.select(pl.coalesce(faults)).to_series())


class _Options:
    """The options of one step, taken by name; what is left over is a fault."""

    def __init__(self, path: str, spec: object) -> None:
        if not isinstance(spec, Mapping):
            raise MappingInvalid(path, "is an object with a type.")
        self.path = path
        self._left = dict(spec)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str) -> Any:
        if name not in self._left:
            raise self.fault(name, "is missing.")
        return self._left.pop(name)

    def text(self, name: str, *, may_be_blank: bool = False) -> str:
        value = self.take(name)
        if not isinstance(value, str) or len(value) > MAX_TEXT or not (value or may_be_blank):
            raise self.fault(name, f"is a text of up to {MAX_TEXT} characters.")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.take(name)
        are_texts = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        if not are_texts or not 0 < len(value) <= MAX_LOOKUP:
            raise self.fault(name, "is a list of texts.")
        return tuple(value)

    def whole(self, name: str, lowest: int, highest: int) -> int:
        value = self.take(name)
        if type(value) is not int or not lowest <= value <= highest:
            raise self.fault(name, f"is a whole number from {lowest} to {highest}.")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        value = self.take(name) if default is None or name in self else default
        if not isinstance(value, str) or value not in choices:
            raise self.fault(name, f"is one of {', '.join(choices)}")
        return value

    def pattern(self, name: str) -> tuple[str, int]:
        """A regular expression, and the number of its groups."""
        text = self.text(name)
        try:
            found = pl.Series([""]).str.extract_groups(text)
        except pl.exceptions.ComputeError:
            raise self.fault(name, "is no regular expression (look-around is not one).") from None
        fields = found.dtype.fields if isinstance(found.dtype, pl.Struct) else []
        return text, len(fields)

    def done(self) -> None:
        for name in self._left:
            raise self.fault(str(name), "is no option of this step.")

    def fault(self, name: str, message: str) -> MappingInvalid:
        return MappingInvalid(f"{self.path}.{name}", message)


def parsed_transformations(value: object) -> Mapping[str, Transformation]:
    """The transformations of a mapping, by the column that they make.

    Raises:
        MappingInvalid: names the path, such as `transformations.amount[1].decimals`.
    """
    if not isinstance(value, Mapping):
        raise MappingInvalid("transformations", "is an object of column: step or list of steps.")
    if len(value) > MAX_TRANSFORMATIONS:
        raise MappingInvalid("transformations", f"are more than {MAX_TRANSFORMATIONS}.")
    found = {}
    for column, given in value.items():
        path = f"transformations.{column}"
        if not isinstance(column, str) or not column.strip():
            raise MappingInvalid(path, "is no column name.")
        found[column] = _transformation(path, column, given)
    return MappingProxyType(found)


def _transformation(path: str, column: str, given: object) -> Transformation:
    listed = given if isinstance(given, list | tuple) else [given]
    if not 0 < len(listed) <= MAX_STEPS:
        raise MappingInvalid(path, f"has from 1 to {MAX_STEPS} steps.")
    parts: list[Step] = []
    is_rename = False
    for number, spec in enumerate(listed):
        options = _Options(f"{path}[{number}]" if listed is given else path, spec)
        kind = options.choice("type", tuple(_KINDS))
        is_rename |= kind == "rename"
        if "from" in options:
            parts.append(steps.Take(options.text("from")))
        elif kind == "rename":
            raise options.fault("from", "is missing.")
        elif not parts and not _is_sourceless(kind, options):
            parts.append(steps.Take(column))
        parts += _KINDS[kind](options)
        options.done()
    return Transformation(column, tuple(parts), is_rename)


def _is_sourceless(kind: str, options: _Options) -> bool:
    """Whether the step makes its text of something else than what it is given."""
    return kind in ("constant", "concat") or (kind == "conditional" and "otherwise" in options)


def _cast(options: _Options) -> list[Step]:
    to = options.choice("to", ("text", "integer", "number", "date"))
    casts: dict[str, list[Step]] = {
        "text": [],
        "integer": [steps.Whole()],
        "number": [steps.ParseNumber(".")],
        "date": [steps.ParseDate("%Y-%m-%d")],
    }
    return casts[to]


def _number(options: _Options) -> list[Step]:
    return [steps.ParseNumber(options.choice("decimal", (".", ",")))]


def _date(options: _Options) -> list[Step]:
    date_format = options.text("format")
    if "%d" not in date_format or not any(year in date_format for year in ("%Y", "%y")):
        raise options.fault("format", "needs a day (%d), a month (%m) and a year (%Y).")
    return [steps.ParseDate(date_format)]


def _round(options: _Options) -> list[Step]:
    decimals = options.whole("decimals", 0, 4)
    rounding = options.choice("rounding", tuple(_ROUNDINGS), "half_up")
    return [steps.Round(decimals, _ROUNDINGS[rounding])]


def _sign(options: _Options) -> list[Step]:
    if "when" in options:
        return [steps.Sign(_condition(options))]
    return [steps.Sign(None)]


def _split(options: _Options) -> list[Step]:
    part = options.whole("part", -100, 100)
    if part == 0:
        raise options.fault("part", "counts from 1, or from -1 at the end.")
    return [steps.Split(options.text("separator"), part)]


def _concat(options: _Options) -> list[Step]:
    columns = options.texts("columns")
    separator = options.text("separator", may_be_blank=True) if "separator" in options else " "
    return [steps.Concat(columns, separator)]


def _default(options: _Options) -> str | None:
    return options.text("default", may_be_blank=True) if "default" in options else None


def _lookup(options: _Options) -> list[Step]:
    table = options.take("table")
    is_table = isinstance(table, Mapping) and all(
        isinstance(text, str) for pair in table.items() for text in pair
    )
    if not is_table or not 0 < len(table) <= MAX_LOOKUP:
        raise options.fault("table", f"is an object of 1 to {MAX_LOOKUP} texts by text.")
    return [steps.Lookup(MappingProxyType(dict(table)), _default(options))]


def _extract(options: _Options) -> list[Step]:
    pattern, groups = options.pattern("pattern")
    group = options.whole("group", 0, groups) if "group" in options else min(groups, 1)
    return [steps.Extract(pattern, group, _default(options))]


def _constant(options: _Options) -> list[Step]:
    return [steps.Constant(options.text("value", may_be_blank=True))]


def _condition(options: _Options) -> steps.Condition:
    asked = _Options(f"{options.path}.when", options.take("when"))
    column = asked.text("column")
    kind = next((name for name in ("equals", "in", "matches", "is_blank") if name in asked), None)
    if kind == "equals":
        condition = steps.Condition(column, values=(asked.text("equals", may_be_blank=True),))
    elif kind == "in":
        condition = steps.Condition(column, values=asked.texts("in"))
    elif kind == "matches":
        condition = steps.Condition(column, pattern=asked.pattern("matches")[0])
    elif kind == "is_blank":
        is_blank = asked.take("is_blank")
        if not isinstance(is_blank, bool):
            raise asked.fault("is_blank", "is true or false.")
        condition = steps.Condition(column, is_blank=is_blank)
    else:
        raise MappingInvalid(asked.path, "asks nothing: equals, in, matches or is_blank.")
    asked.done()
    return condition


def _conditional(options: _Options) -> list[Step]:
    condition = _condition(options)
    then = _branch(options, "then")
    otherwise = _branch(options, "otherwise") if "otherwise" in options else None
    return [steps.Conditional(condition, then, otherwise)]


def _branch(options: _Options, name: str) -> steps.Take | steps.Constant:
    """A text, or a column of the file as `{"column": name}`."""
    value = options.take(name)
    if isinstance(value, str):
        return steps.Constant(value)
    branch = _Options(f"{options.path}.{name}", value)
    column = branch.text("column")
    branch.done()
    return steps.Take(column)


_KINDS: dict[str, Callable[[_Options], list[Step]]] = {
    "rename": lambda options: [],
    "cast": _cast,
    "number": _number,
    "date": _date,
    "round": _round,
    "sign": _sign,
    "split": _split,
    "concat": _concat,
    "lookup": _lookup,
    "extract": _extract,
    "constant": _constant,
    "conditional": _conditional,
}
