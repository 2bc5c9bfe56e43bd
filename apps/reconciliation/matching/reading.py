"""Reads settings out of a plain mapping, collecting every fault with the path it is at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from apps.reconciliation.matching.money import DECIMALS, exponent, scaled

PERCENT_DECIMALS = 6


class Settings:
    """One level of a mapping. Every read names a known setting; ``finish`` refuses the rest."""

    def __init__(self, values: Any, path: str, faults: list[str]) -> None:
        self.path = path
        self.faults = faults
        self._known: set[str] = set()
        if not isinstance(values, Mapping):
            self.fault("", "must be an object")
            values = {}
        self._values: Mapping[str, Any] = values

    def fault(self, name: str, message: str) -> None:
        """Note a fault at the setting, or at this level as a whole if the name is empty."""
        place = ".".join(part for part in (self.path, name) if part) or "rules"
        self.faults.append(f"{place}: {message}")

    def has(self, name: str) -> bool:
        """Whether the setting is given (null counts as not given)."""
        return self._values.get(name) is not None

    def _get(self, name: str) -> Any:
        self._known.add(name)
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """A string; required and not blank if there is no default."""
        value = self._get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value.strip()):
            self.fault(
                name, "must be a text" if default is not None else "must be a non-blank text"
            )
            return ""
        return value

    def field(self, name: str, pattern: str) -> str:
        """The name of a field of an item; '' if not given."""
        value = self._get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            self.fault(name, f"is no field of an item: {value!r}")
            return ""
        return value

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """One of the options."""
        value = self._get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in options:
            self.fault(name, f"must be one of {', '.join(options)}, not {value!r}")
            return options[0]
        return value

    def whole(self, name: str, default: int, *, least: int) -> int:
        """A whole number of at least ``least`` and at most 36,600 (a century of days)."""
        value = self._get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 36_600:
            self.fault(name, f"must be a whole number from {least} to 36600, not {value!r}")
            return default
        return value

    def currency(self, name: str, default: str | None = None) -> str:
        """An ISO 4217 code; required if there is no default."""
        code = self.text(name, default)
        if code and code != default:
            try:
                exponent(code)
            except ValueError as refusal:
                self.fault(name, str(refusal))
        return code

    def day(self, name: str) -> date:
        """An ISO date; required."""
        text = self.text(name)
        found = self._date(name, text) if text else None
        return found or date.min

    def decimal(self, name: str, decimals: int) -> int:
        """A decimal string >= 0 as an integer of 10**-decimals; 0 if not given."""
        return self._decimal(name, decimals)

    def signed(self, name: str, decimals: int) -> int:
        """A decimal string of either sign as an integer of 10**-decimals; required."""
        value = self._get(name)
        try:
            return scaled(value if isinstance(value, str) else "", decimals)
        except ValueError:
            message = f"must be a decimal string of at most {decimals} decimals, not {value!r}"
            self.fault(name, message)
            return 0

    def amount(self, name: str) -> int:
        """A decimal string >= 0 as ten-thousandths; 0 if not given."""
        return self._decimal(name, DECIMALS)

    def percent(self, name: str) -> int:
        """A decimal string from 0 to 100 as millionths of a percent; 0 if not given."""
        value = self._decimal(name, PERCENT_DECIMALS)
        if value > 100 * 10**PERCENT_DECIMALS:
            self.fault(name, "must be at most 100")
            return 0
        return value

    def _decimal(self, name: str, decimals: int) -> int:
        value = self._get(name)
        if value is None:
            return 0
        if not isinstance(value, str):
            self.fault(name, f"must be a decimal string, not {value!r}")
            return 0
        try:
            number = scaled(value, decimals)
        except ValueError as refusal:
            self.fault(name, str(refusal))
            return 0
        if number < 0:
            self.fault(name, f"must not be negative: {value!r}")
        return max(number, 0)

    def dates(self, name: str) -> tuple[date, ...]:
        """A list of ISO dates, sorted, each once."""
        found: set[date | None] = set()
        for index, text in self._list(name):
            found.add(self._date(f"{name}[{index}]", text))
        return tuple(sorted(day for day in found if day))

    def _date(self, name: str, text: str) -> date | None:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            self.fault(name, f"must be a date as YYYY-MM-DD, not {text!r}")
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.fault(name, f"is no date: {text!r}")
            return None

    def names(self, name: str, pattern: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of distinct strings that fit the pattern, in the order given."""
        if not self.has(name):
            self._get(name)
            return tuple(default)
        found: list[str] = []
        for index, text in self._list(name):
            if not re.fullmatch(pattern, text):
                self.fault(f"{name}[{index}]", f"is no field of an item: {text!r}")
            elif text in found:
                self.fault(f"{name}[{index}]", f"is given twice: {text!r}")
            else:
                found.append(text)
        return tuple(found)

    def _list(self, name: str) -> list[tuple[int, str]]:
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.fault(name, "must be a list")
            return []
        for index, entry in enumerate(value):
            if not isinstance(entry, str):
                self.fault(f"{name}[{index}]", f"must be a text, not {entry!r}")
        return [(index, entry) for index, entry in enumerate(value) if isinstance(entry, str)]

    def below(self, name: str) -> Settings:
        """The settings of an object one level down; empty if it is not given."""
        value = self._get(name)
        path = f"{self.path}.{name}" if self.path else name
        return Settings({} if value is None else value, path, self.faults)

    def each(self, name: str) -> list[Settings]:
        """The settings of each object of a list."""
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.fault(name, "must be a list of objects")
            return []
        path = f"{self.path}.{name}" if self.path else name
        return [
            Settings(entry, f"{path}[{index}]", self.faults) for index, entry in enumerate(value)
        ]

    def finish(self) -> None:
        """Refuse what nothing has read: a misspelt setting must not pass for a default."""
        for name in sorted(set(map(str, self._values)) - self._known):
            self.fault(name, "is not a known setting")
