"""Reading JSON without surprises. (Apart from `api`, which DRF loads after its settings.)"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_DEEPEST = 20


class StrictJSONParser(JSONParser):
    """JSON without duplicate keys, NaN, or nesting past 20 levels.

    Numbers with a fraction arrive as `Decimal`, so that no float ever stands for money.
    """

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return strict_json(stream.read().decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not acceptable JSON: {reason(error)}.") from error


def strict_json(text: str) -> Any:
    """What a JSON text holds, read as `StrictJSONParser` reads it.

    Raises:
        ValueError, RecursionError: it is not acceptable; `reason` says why in plain words.
    """
    _require_shallow(text)
    value = json.loads(
        text,
        object_pairs_hook=_unique_keys,
        parse_float=Decimal,
        parse_constant=_refuse_constant,
    )
    _require_characters(value, "it")
    return value


def reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error)


def _require_shallow(text: str) -> None:
    """Refuse deep nesting before the parser recurses into it (brackets in strings not counted)."""
    depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > _DEEPEST:
                raise ValueError(f"nested deeper than {_DEEPEST} levels")
        elif character in "]}":
            depth -= 1


def _require_characters(value: Any, place: str) -> None:
    """Refuse halves of surrogate pairs: JSON can escape them, but no text can hold them."""
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError(f"{place} holds half a character (an unpaired surrogate)")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            _require_characters(name, f"a name in {place}")
            _require_characters(each, repr(name))
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            _require_characters(each, f"item {number} of {place}")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
