"""Everything that is wrong with a field mapping, for people who write one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.ingestion.formats.errors import MappingInvalid
from apps.ingestion.formats.mapping import COLUMN_PARTS, FieldMapping

MOST_FAULTS: Final = 50
_SOME_COLUMN = "1"


def faults_of(mapping: Mapping[str, Any]) -> list[MappingInvalid]:
    """What `FieldMapping.from_dict` refuses, one fault for each place and at most MOST_FAULTS.

    Each fault is put aside and the rest checked again. What only lacks because of that is no fault
    of its own, so one that is put right may show another.
    """
    return _Search(mapping).run()


class _Search:
    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._rest = {
            key: dict(value) if isinstance(value, Mapping) else value
            for key, value in mapping.items()
        }
        self._found: dict[str, MappingInvalid] = {}
        self._are_columns_whole = True

    def run(self) -> list[MappingInvalid]:
        is_more = True
        while is_more and len(self._found) < MOST_FAULTS:
            try:
                FieldMapping.from_dict(self._rest)
            except MappingInvalid as fault:
                is_more = self._put_aside(fault)
            else:
                is_more = False
        return list(self._found.values())

    def _put_aside(self, fault: MappingInvalid) -> bool:
        """Note the fault and leave out what it is about; False where nothing can be left out."""
        place = self._place_of(fault.key)
        if place is None or fault.key in self._found:
            return self._leave_columns_out(fault)
        self._found[fault.key] = fault
        part, name = place
        if name in COLUMN_PARTS.get(part, ()):
            self._rest[part][name] = _SOME_COLUMN
            return True
        self._are_columns_whole &= part not in COLUMN_PARTS
        if name:
            del self._rest[part][name]
        else:
            del self._rest[part]
        return True

    def _leave_columns_out(self, fault: MappingInvalid) -> bool:
        """For what the columns lack, or what stands in the way of each other among them."""
        if self._are_columns_whole:
            self._found.setdefault(fault.key, fault)
        self._are_columns_whole = False
        parts = [part for part in COLUMN_PARTS if part in self._rest]
        for part in parts:
            del self._rest[part]
        return bool(parts)

    def _place_of(self, key: str) -> tuple[str, str] | None:
        """The part of the mapping and the name in it that a fault's path begins with."""
        if key in self._rest and not (key in COLUMN_PARTS and isinstance(self._rest[key], dict)):
            return key, ""
        part, _, path = key.partition(".")
        names = self._rest.get(part)
        if not isinstance(names, dict):
            return None
        fitting = [
            name for name in names if path == name or path.startswith((f"{name}.", f"{name}["))
        ]
        return (part, max(fitting, key=len)) if fitting else None
