"""What a file itself says of lines that people corrected (`formats.corrections`).

A statement with both balances has to tie, one that announces sums has to hold them, and an entry
of the books has to balance. Where a file says nothing of the kind, as OFX does, the correction
stands with a note beside it, for the reviewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from apps.common.money import from_ten_thousandths, plain
from apps.ingestion.errors import CorrectionUnproven, LinesBelongTogether
from apps.ingestion.formats import Reading, Statement
from apps.ingestion.models import RejectedLine

_ENTRIES = ("saft", "fec")  # formats that prove a line by its entry, others by its statement


def require_proven(reading: Reading, lines: Sequence[RejectedLine]) -> None:
    """See that the file agrees with the lines as they were corrected.

    Args:
        reading: the whole file with these lines as they were corrected.

    Raises:
        LinesBelongTogether: others of the same statement or entry cannot be read.
        CorrectionUnproven: the statement would not tie, or the entry not balance.
    """
    for line in lines:
        proof = reading.proofs.get(line.line)
        if proof is None:  # a row of a table stands for itself
            continue
        if proof.open_lines:
            raise _belonging(line, proof.open_lines)
        if proof.difference:
            raise _unproven(reading, line, proof.difference)


def with_note(reading: Reading, line: RejectedLine) -> list[Statement]:
    """The statements, with a note where nothing in the file proves the corrected line."""
    proof = reading.proofs.get(line.line)
    statements = list(reading.statements)
    if proof is None or proof.difference is not None:
        return statements
    for index in _of_line(reading, line.line)["statement"].to_list():
        note = f"Line {line.line} was corrected by hand; nothing in the file proves it."
        statements[index] = replace(statements[index], notes=(*statements[index].notes, note))
    return statements


def together(reading: Reading, line: RejectedLine) -> list[RejectedLine]:
    """The line, and those that have to be corrected with it."""
    proof = reading.proofs.get(line.line)
    numbers = [line.line, *(proof.open_lines if proof else ())]
    return list(line.batch.rejected_lines.filter(line__in=numbers).order_by("line"))


def _belonging(line: RejectedLine, numbers: Sequence[int]) -> LinesBelongTogether:
    others = line.batch.rejected_lines.filter(line__in=numbers).order_by("line")
    listed = ", ".join(f"{number:,}" for number in numbers[:10])
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return LinesBelongTogether(
        f"Other lines of the same statement or entry cannot be read either: {listed}{more}.",
        lines=[other.pk for other in others],
    )


def _unproven(reading: Reading, line: RejectedLine, difference: int) -> CorrectionUnproven:
    (currency,) = _of_line(reading, line.line)["currency"].unique().to_list()
    apart = f"{plain(from_ten_thousandths(difference), currency)} {currency}"
    words = (
        f"With this correction the entry would not balance: {apart} are missing."
        if reading.format in _ENTRIES
        else f"With this correction the statement would not tie: {apart} are missing."
    )
    return CorrectionUnproven(words, line=line.line)


def _of_line(reading: Reading, number: int) -> pl.DataFrame:
    return reading.lines.filter(pl.col("line") == number)
