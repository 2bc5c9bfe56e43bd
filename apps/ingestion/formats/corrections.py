"""Lines that people corrected, in formats that are no tables, and what proves them.

A reader hands over the texts of a line before it reads them, and gets them back as they were
corrected. What a person says is not taken on trust where the file can tell: a bank's statement has
to lead from its opening to its closing balance, an accounting entry to balance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from apps.ingestion.formats.contract import Proof, Reading, Statement

Texts = Mapping[str, str]
_OF_OTHERS = ("98 ", "99 ")  # BAI2's totals of groups and of the file stand with the last statement


@dataclass
class Corrections:
    """What people put into the lines of a file, while it is read.

    Attributes:
        asked: line -> name -> text.
    """

    asked: Mapping[int, Texts]
    _found: dict[int, dict[str, str]] = field(default_factory=dict)
    _times: Counter[int] = field(default_factory=Counter)
    _places: dict[int, str] = field(default_factory=dict)
    _rejected: dict[int, str] = field(default_factory=dict)

    def of(self, line: int, texts: Texts, place: object) -> Texts:
        """The texts of a line, corrected.

        Args:
            texts: all that can be corrected of the line, also what is blank.
            place: what the file proves as a whole with this line in it: a statement, an entry.
        """
        self._times[line] += 1
        self._found[line] = dict(texts)
        self._places[line] = str(place)
        return {name: self.asked[line].get(name, text) for name, text in texts.items()}

    def note_rejected(self, line: int, place: object) -> None:
        """A line of this place cannot be read."""
        if self.asked:
            self._rejected[line] = str(place)

    def completed(self, reading: Reading, differences: Mapping[str, int | None]) -> Reading:
        """The reading with what the file says in the corrected lines, and what proves them.

        A line on which several entries stand is none that could be corrected.

        Args:
            differences: by place, what is missing for it to be whole; None where nothing tells.
        """
        found = {line: texts for line, texts in self._found.items() if self._times[line] == 1}
        proofs = {line: self._proof(line, differences) for line in found}
        return replace(reading, found=found, proofs=proofs)

    def _proof(self, line: int, differences: Mapping[str, int | None]) -> Proof:
        place = self._places[line]
        others = (other for other, at in self._rejected.items() if at == place and other != line)
        return Proof(differences.get(place), tuple(sorted(others)))


def statement_differences(statements: Sequence[Statement]) -> dict[str, int | None]:
    """By index of the statement: closing - opening - total; without balances, how far the
    sums that it announces are off; None if it has neither."""
    return {str(index): _difference(statement) for index, statement in enumerate(statements)}


def _difference(statement: Statement) -> int | None:
    if statement.difference is not None:
        return statement.difference
    sums = [
        total.stated - total.found
        for total in statement.control_totals
        if not total.is_count and not total.name.startswith(_OF_OTHERS)
    ]
    return max(sums, key=abs) if sums else None
