"""SWIFT MT940 statements and MT942 interim reports.

Tolerant of what banks add (headers in any style, blank lines, control characters) and strict
about the end: a statement counts only when its terminator "-" or its whole closing balance is
there, so that a file cut off anywhere is never taken for a shorter one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from apps.ingestion.formats.amounts import decimals_of, parse_amount
from apps.ingestion.formats.contract import (
    ControlTotal,
    Reading,
    Rejected,
    Statement,
    disagreements,
    frame_of,
    require_readable,
)
from apps.ingestion.formats.corrections import Corrections, statement_differences
from apps.ingestion.formats.dates import clamped_date
from apps.ingestion.formats.errors import MalformedFile
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.mt940_lines import LineRefused, StatementLine, parsed_line, year_of
from apps.ingestion.formats.swift_fields import Field, Message, messages_of
from apps.ingestion.formats.text import utf8_text

_BALANCE = re.compile(r"([CD])(\d{2})(\d{2})(\d{2})([A-Z]{3})([\d.,]+)\s*", re.ASCII)
_FLOOR = re.compile(r"([A-Z]{3})[CD]?[\d.,]+\s*", re.ASCII)
_CONTROL = re.compile(r"(\d{1,9})([A-Z]{3})([\d.,]+)\s*", re.ASCII)


class Mt940:
    """MT940 and MT942, with or without SWIFT envelope."""

    name = "mt940"
    title = "SWIFT MT940 or MT942"
    max_bytes = 256_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """Fields 20 and 25 at the start of lines."""
        text = head.replace(b"\0", b"")
        marks = (rb"(?:^|[\r\n]|\xbf|\xfe|\xff)\s*:20:", rb"[\r\n]:25P?:")
        return all(re.search(mark, text) for mark in marks)

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`."""
        text, encoding = utf8_text(content, mapping.encoding)
        messages = messages_of(text.decode("utf-8"))
        if not messages:
            raise MalformedFile("There is no statement (field 20) in the file.")
        booked: list[dict[str, Any]] = []
        pending: list[dict[str, Any]] = []
        rejected: list[Rejected] = []
        statements: list[Statement] = []
        corrections = Corrections(mapping.corrections)
        for message in messages:
            lines, refused = _lines_of(message, corrections, place=len(statements))
            statement = _statement_of(message, lines)
            for line in lines:
                shared = {"statement": len(statements), "account": statement.account}
                row = {**line.row, **shared, "currency": statement.currency}
                (booked if line.is_booked else pending).append(row)
            statements.append(statement)
            rejected += refused
            require_readable(rejected)
        reading = Reading(
            format=self.name,
            lines=frame_of(booked),
            statements=tuple(statements),
            rejected=tuple(rejected),
            pending=frame_of(pending),
            conventions={"encoding": encoding, "decimal": ","},
        )
        return corrections.completed(reading, statement_differences(statements))


def _lines_of(
    message: Message, corrections: Corrections, *, place: int
) -> tuple[list[StatementLine], list[Rejected]]:
    currency = _currency_of(message)
    lines: list[StatementLine] = []
    rejected: list[Rejected] = []
    for line, information in _paired(message.fields):
        texts = line.texts
        if line.line in corrections.asked:
            texts = [corrections.of(line.line, {"61": texts[0]}, place)["61"], *texts[1:]]
        try:
            lines.append(parsed_line(texts, information, line=line.line, currency=currency))
        except LineRefused as refusal:
            rejected.append(Rejected(line.line, refusal.field, refusal.reason))
            corrections.note_rejected(line.line, place)
    return lines, rejected


def _paired(fields: list[Field]) -> Iterator[tuple[Field, list[str]]]:
    """Each statement line (61) with the information (86) that follows it."""
    line: Field | None = None
    information: list[str] = []
    for one in fields:
        if line is not None and one.tag in ("86", "NS"):
            information += one.texts if one.tag == "86" else []
            continue
        if line is not None:
            yield line, information
        line, information = (one if one.tag == "61" else None), []
    if line is not None:
        yield line, information


def _statement_of(message: Message, lines: list[StatementLine]) -> Statement:
    """Balances, totals and notes of a message."""
    account = message.first("25", "25P")
    if account is None:
        raise MalformedFile("A statement has no account (field 25).", line=message.line, field="25")
    currency = _currency_of(message)
    opening, opened_on = _balance(message.first("60F", "60M"), currency)
    closing, closed_on = _balance(message.last("62F", "62M"), currency)
    booked = [line for line in lines if line.is_booked]
    controls = tuple(_controls(message, lines))
    notes = disagreements(controls)
    pending_count = len(lines) - len(booked)
    if pending_count:
        notes.append(f"Not booked and left out: {pending_count} entries.")
    return Statement(
        account=account.texts[0].strip(),
        currency=currency,
        opening=opening,
        closing=closing,
        line_count=len(booked),
        total=sum(line.row["amount"] for line in booked),
        opened_on=opened_on,
        closed_on=closed_on,
        pending_count=pending_count,
        notes=tuple(notes),
        control_totals=controls,
    )


def _currency_of(message: Message) -> str:
    """Of the opening balance; of the floor limit in an interim report, which has no balances.

    Raises:
        MalformedFile: neither is there.
    """
    opening, closing = message.first("60F", "60M"), message.last("62F", "62M")
    if (opening is None) != (closing is None):
        raise MalformedFile("A statement has only one of its balances.", line=message.line)
    source, pattern, group = opening, _BALANCE, 5
    if source is None:
        source, pattern, group = message.first("34F"), _FLOOR, 1
    if source is None:
        raise MalformedFile("A statement has no balances (fields 60 and 62).", line=message.line)
    match = pattern.fullmatch(source.texts[0])
    if match is None or decimals_of(match[group]) is None:
        raise _unusable(source)
    return match[group]


def _balance(source: Field | None, currency: str) -> tuple[int | None, date | None]:
    """A balance with its sign and date; both None where the message has none."""
    if source is None:
        return None, None
    match = _BALANCE.fullmatch(source.texts[0])
    if match is None or match[5] != currency:
        raise _unusable(source)
    try:
        units = parse_amount(match[6], currency=currency, decimal=",")
        on = clamped_date(year_of(match[2]), int(match[3]), int(match[4]))
    except ValueError:
        raise _unusable(source) from None
    return (-units if match[1] == "D" else units), on


def _unusable(source: Field) -> MalformedFile:
    return MalformedFile("A balance cannot be read.", line=source.line, field=source.tag)


def _controls(message: Message, lines: list[StatementLine]) -> Iterator[ControlTotal]:
    """Number and sum of debits and credits, as an interim report announces them."""
    for tag, is_credit in (("90D", False), ("90C", True)):
        announced = message.last(tag)
        match = _CONTROL.fullmatch(announced.texts[0]) if announced else None
        if match is None:
            continue
        own = [abs(line.row["amount"]) for line in lines if line.is_credit == is_credit]
        yield ControlTotal(f"{tag} number", int(match[1]), len(own), is_count=True)
        try:
            stated = parse_amount(match[3], currency=match[2], decimal=",")
        except ValueError:
            continue  # not an amount: nothing to compare the lines with
        yield ControlTotal(f"{tag} sum", stated, sum(own))
