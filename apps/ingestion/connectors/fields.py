"""Settings are data: read key by key, with the path of what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.ingestion.connectors.errors import ConnectorInvalid

_LONGEST_TEXT = 20_000


class Fields:
    """The members of one settings object; every key has to be asked for, or it is refused.

    Args:
        path: where the object lies in the settings, "" for the settings themselves.
    """

    def __init__(self, values: object, path: str = "") -> None:
        if not isinstance(values, Mapping):
            raise ConnectorInvalid(path or "settings", "is an object of name: value.")
        self._values = values
        self._path = path
        self._asked: list[str] = []

    def path(self, name: str) -> str:
        """The full path of a member."""
        return f"{self._path}.{name}" if self._path else name

    def invalid(self, name: str, problem: str, *, remedy: str | None = None) -> ConnectorInvalid:
        """The refusal of one member."""
        return ConnectorInvalid(self.path(name), problem, remedy=remedy)

    def text(self, name: str, *, default: str | None = None) -> str:
        """A text without surrounding blanks; needed where there is no default."""
        value = self._get(name, default)
        if not isinstance(value, str) or "\0" in value or len(value) > _LONGEST_TEXT:
            raise self.invalid(name, f"is a text of at most {_LONGEST_TEXT:,} characters.")
        if default is None and not value.strip():
            raise self.invalid(name, "is missing.")
        return value.strip()

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number in bounds."""
        value = self._get(name, default)
        if type(value) is not int or not least <= value <= most:
            raise self.invalid(name, f"is a whole number from {least:,} to {most:,}.")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false if it is not there."""
        value = self._get(name, False)
        if not isinstance(value, bool):
            raise self.invalid(name, "is true or false.")
        return value

    def choice(self, name: str, choices: Iterable[str], *, default: str | None = None) -> str:
        """One of these words."""
        words = list(choices)
        value = self.text(name, default=default)
        if value not in words:
            raise self.invalid(name, f"is one of {', '.join(words)}.")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """An object of texts; numbers become texts. Empty if it is not there."""
        values = self._get(name, {})
        if not isinstance(values, Mapping):
            raise self.invalid(name, "is an object of name: text.")
        return {str(key): self._plain(f"{name}.{key}", value) for key, value in values.items()}

    def list_of_texts(self, name: str) -> list[str]:
        """A list of texts, none of them twice; empty if it is not there."""
        values = self._get(name, [])
        if not isinstance(values, (list, tuple)):
            raise self.invalid(name, "is a list of texts.")
        found = [self._plain(f"{name}.{index}", value) for index, value in enumerate(values)]
        if len(set(found)) < len(found):
            raise self.invalid(name, "names something twice.")
        return found

    def inner(self, name: str) -> Fields:
        """The members of an object within this one."""
        return Fields(self._get(name, {}), self.path(name))

    def end(self) -> None:
        """Every key was asked for.

        Raises:
            ConnectorInvalid: names one that was not.
        """
        for key in self._values:
            if key not in self._asked:
                known = ", ".join(dict.fromkeys(self._asked)) or "empty"
                raise self.invalid(str(key), f"is not known here. Known: {known}.")

    def _plain(self, name: str, value: object) -> str:
        is_text = isinstance(value, str) or type(value) is int
        if not is_text or not str(value).strip() or "\0" in str(value):
            raise self.invalid(name, "is a text or a whole number.")
        return str(value)

    def _get(self, name: str, default: Any) -> Any:
        self._asked.append(name)
        value = self._values.get(name, default)
        if value is None:
            if default is None:
                raise self.invalid(name, "is missing.")
            return default
        return value


def credentials_within(credentials: Mapping[str, str], known: Iterable[str]) -> None:
    """Every credential is one of these names.

    Raises:
        ConnectorInvalid: names one that is not, or that is no text.
    """
    names = list(known)
    for name, value in credentials.items():
        path = f"credentials.{name}"
        if name not in names:
            raise ConnectorInvalid(path, f"is not known here. Known: {', '.join(names) or 'none'}.")
        if not isinstance(value, str) or not value or "\0" in value:
            raise ConnectorInvalid(path, "is a text that is not empty.")
