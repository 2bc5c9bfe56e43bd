"""BAI2, the cash management reports of North American banks.

Amounts have no decimal point: the currency says how many decimals they have. The type code says
whether a line is a credit or a debit. Control totals of accounts, groups and file are compared
with what is there, and reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from apps.ingestion.formats.amounts import MAX_INTEGER_DIGITS, SCALE, decimals_of
from apps.ingestion.formats.bai2_records import Record, records_of
from apps.ingestion.formats.contract import (
    ControlTotal,
    Reading,
    Rejected,
    Statement,
    canonical_json,
    disagreements,
    frame_of,
    require_readable,
)
from apps.ingestion.formats.corrections import Corrections, statement_differences
from apps.ingestion.formats.dates import date_of
from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.mt940_lines import year_of
from apps.ingestion.formats.text import utf8_text

DEFAULT_CURRENCY = "USD"  # what BAI2 says an amount is in when neither account nor group does
_NUMBER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_DATE = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)
# Type codes by range; 920 to 999 are free for banks to define within these bounds.
_CREDITS = (range(100, 400), range(720, 760), range(920, 960))
_DEBITS = (range(400, 700), range(760, 800), range(960, 1000))
_NOT_MONEY = "890"  # information in the place of a transaction
_OPENING, _CLOSING, _TOTAL_CREDITS, _TOTAL_DEBITS = "010", "015", "100", "400"
_MOST_PARTS = 100  # of the days on which funds become available


class Bai2:
    """BAI2 prior day and current day reports."""

    name = "bai2"
    title = "BAI2"
    max_bytes = 256_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """A file header (01) with its dates, followed by a group (02) or the file's end."""
        text = head.removeprefix(b"\xef\xbb\xbf")
        start = rb"\s*01,[^,\r\n]*,[^,\r\n]*,\d{6},\d{0,4},[^\r\n]*(?:[\r\n]+\s*88,[^\r\n]*)*"
        return re.match(start + rb"[\r\n]+\s*(?:02|99),", text) is not None

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`."""
        raw, encoding = utf8_text(content, mapping.encoding)
        reader = _Reader(Corrections(mapping.corrections))
        for record in records_of(raw.decode("utf-8")):
            reader.take(record)
        if not reader.drafts:
            raise MalformedFile("The file holds no account (record 03).")
        reading = Reading(
            format=self.name,
            lines=frame_of([row for draft in reader.drafts for row in draft.lines]),
            statements=tuple(draft.statement() for draft in reader.drafts),
            rejected=tuple(reader.rejected),
            conventions={"encoding": encoding},
        )
        return reader.corrections.completed(reading, statement_differences(reading.statements))


@dataclass
class _Level:
    """A file, group or account while its records come in: what its control record counts.

    Attributes:
        amounts: sum of all amounts, as written; of a group or file, sum of the totals below.
        members: groups of a file, accounts of a group.
    """

    lines: int = 0
    amounts: int = 0
    members: int = 0


@dataclass
class _Draft:
    """An account section while its records come in; amounts in ten-thousandths."""

    account: str
    currency: str
    booked_on: date
    balances: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    controls: list[ControlTotal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def statement(self) -> Statement:
        controls = (*self._summaries(), *self.controls)
        return Statement(
            account=self.account,
            currency=self.currency,
            opening=self.balances.get(_OPENING),
            closing=self.balances.get(_CLOSING),
            line_count=len(self.lines),
            total=sum(row["amount"] for row in self.lines),
            opened_on=self.booked_on,
            closed_on=self.booked_on,
            notes=(*disagreements(controls), *self.notes),
            control_totals=controls,
        )

    def _summaries(self) -> list[ControlTotal]:
        """Totals of credits and debits; an account without lines is a summary alone."""
        found = []
        for code, sign in ((_TOTAL_CREDITS, 1), (_TOTAL_DEBITS, -1)) if self.lines else ():
            own = [row["amount"] * sign for row in self.lines if row["amount"] * sign > 0]
            if code in self.balances:
                found.append(ControlTotal(f"{code} sum", self.balances[code], sum(own)))
            if code in self.counts:
                found.append(ControlTotal(f"{code} number", self.counts[code], len(own), True))
        return found


@dataclass
class _Reader:
    """Takes the records of a file in order."""

    corrections: Corrections
    drafts: list[_Draft] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    _file: _Level = field(default_factory=_Level)
    _group: _Level = field(default_factory=_Level)
    _account: _Level = field(default_factory=_Level)
    _currency: str = DEFAULT_CURRENCY
    _booked_on: date | None = None
    _notes: list[str] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """One record; `records_of` saw to their order."""
        for level in (self._file, self._group, self._account):
            level.lines += record.line_count
        match record.code:
            case "01":
                self._begin_file(record)
            case "02":
                self._begin_group(record)
            case "03":
                self._begin_account(record)
            case "16":
                self._take_line(record)
            case "49":
                self._end_account(record)
            case "98":
                self._end(record, self._group, self._file)
            case _:
                self._end(record, self._file, _Level())

    def _begin_file(self, record: Record) -> None:
        self._file = _Level(lines=record.line_count)
        fields = [record.take() for _ in range(8)]
        if fields[7] != "2":
            raise MalformedFile("The file is not of version 2 of BAI.", line=record.line)

    def _begin_group(self, record: Record) -> None:
        self._group = _Level(lines=record.line_count)
        _receiver, _originator, status, day, _time, currency, modifier = (
            record.take() for _ in range(7)
        )
        if status in ("2", "4"):
            meaning = "takes back an earlier one" if status == "2" else "is only a test"
            raise ForbiddenConstruct(f"A group of accounts {meaning}.", line=record.line)
        self._currency = _known_currency(currency or DEFAULT_CURRENCY, record.line)
        try:
            self._booked_on = _date(day)
        except ValueError as error:
            raise MalformedFile(f"The group {error}.", line=record.line, field="02") from None
        self._notes = []
        if status == "3":
            self._notes.append("The bank calls this a correction of an earlier report.")
        if modifier in ("1", "3"):
            self._notes.append("The bank calls this an interim report: its lines may change.")

    def _begin_account(self, record: Record) -> None:
        self._account = _Level(lines=record.line_count)
        account = record.take()
        currency = _known_currency(record.take() or self._currency, record.line)
        assert self._booked_on is not None  # a group came before
        draft = _Draft(account, currency, self._booked_on, notes=list(self._notes))
        try:
            self._take_summaries(record, draft)
        except ValueError as error:
            raise MalformedFile(
                f"A balance or summary {error}.", line=record.line, field="03"
            ) from None
        self.drafts.append(draft)

    def _take_summaries(self, record: Record, draft: _Draft) -> None:
        """Balances and totals: type code, amount, number of items, availability; repeated."""
        while not record.is_done:
            code, amount, count = record.take(), record.take(), record.take()
            _availability(record)
            if amount:
                self._account.amounts += _whole(amount)
                draft.balances.setdefault(code, _units(_whole(amount), draft.currency))
            if _COUNT.fullmatch(count):
                draft.counts.setdefault(code, int(count))

    def _take_line(self, record: Record) -> None:
        draft, place = self.drafts[-1], len(self.drafts) - 1
        if record.line in self.corrections.asked:
            texts = self.corrections.of(record.line, {"16": record.first_line}, place)
            record.first_line = texts["16"]
        code, amount = record.take(), record.take()
        if code == _NOT_MONEY and not amount.strip("+-0"):
            note = f"Records of type {_NOT_MONEY} carry information and are no lines."
            draft.notes += [] if note in draft.notes else [note]
            return
        try:
            number = _whole(amount)
            self._account.amounts += number
            units = _sign(code) * _units(number, draft.currency)
            draft.lines.append(self._row(record, draft, units, code))
        except ValueError as error:
            self.rejected.append(
                Rejected(record.line, "16", f"The line {error}; have the bank correct it.")
            )
            self.corrections.note_rejected(record.line, place)
            require_readable(self.rejected)

    def _row(self, record: Record, draft: _Draft, units: int, code: str) -> dict[str, Any]:
        value_on, availability = _availability(record)
        bank_reference, customer_reference = record.take(), record.take()
        return {
            "line": record.line,
            "statement": len(self.drafts) - 1,
            "external_id": bank_reference,
            "account": draft.account,
            "booked_on": draft.booked_on,
            "value_on": value_on,
            "amount": units,
            "currency": draft.currency,
            "reference": customer_reference,
            "counterparty": "",
            "narrative": record.take_text(),
            "attributes": canonical_json({"availability": availability, "type_code": code}),
        }

    def _end_account(self, record: Record) -> None:
        draft = self.drafts[-1]
        draft.controls += _controls(record, self._account, self._group, draft.currency)

    def _end(self, record: Record, level: _Level, above: _Level) -> None:
        """The control record of a group or the file; its totals stand with the last account."""
        found = _controls(record, level, above, self._currency)
        if self.drafts:
            self.drafts[-1].controls += found


def _controls(record: Record, level: _Level, above: _Level, currency: str) -> list[ControlTotal]:
    """The totals of a control record; what it states counts for the level above.

    Raises:
        MalformedFile: it states something else than numbers; nothing could be proven with it.
    """
    stated = record.take()
    counts = [("records", level.lines)]
    if record.code != "49":
        counts.insert(0, ("groups" if record.code == "99" else "accounts", level.members))
    found = []
    try:
        total = _whole(stated) if stated else level.amounts
        if stated:
            units, held_units = (_minor_units(one, currency) for one in (total, level.amounts))
            found.append(ControlTotal(f"{record.code} amounts", units, held_units))
        for name, held in counts:
            text = record.take()
            if text:
                found.append(ControlTotal(f"{record.code} {name}", _whole(text), held, True))
    except ValueError as error:
        raise MalformedFile(
            f"A control total {error}.", line=record.line, field=record.code
        ) from None
    above.amounts += total
    above.members += 1
    return found


def _known_currency(code: str, line: int) -> str:
    if decimals_of(code) is None:
        raise MalformedFile("The currency is not an ISO 4217 code.", line=line)
    return code


def _whole(text: str) -> int:
    """A number as BAI2 writes it: digits, perhaps with a sign."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("has an amount that is no whole number of the smallest unit")
    return int(text)


def _minor_units(number: int, currency: str) -> int:
    """From the smallest unit of the currency to ten-thousandths."""
    return int(number * 10 ** (4 - (decimals_of(currency) or 0)))


def _units(number: int, currency: str) -> int:
    units = _minor_units(number, currency)
    if abs(units) >= SCALE * 10**MAX_INTEGER_DIGITS:
        raise ValueError(f"has an amount of more than {MAX_INTEGER_DIGITS} digits")
    return units


def _sign(code: str) -> int:
    number = int(code) if _COUNT.fullmatch(code) else 0
    for ranges, sign in ((_CREDITS, 1), (_DEBITS, -1)):
        if any(number in one for one in ranges):
            return sign
    raise ValueError("has a type code that is neither a credit nor a debit")


def _availability(record: Record) -> tuple[date | None, str]:
    """Takes the funds type and what belongs to it: the value date, and the parts as text."""
    kind = record.take().upper()
    if kind == "V":
        day, _time = record.take(), record.take()
        return (_date(day) if day else None), kind
    if kind == "S":
        return None, "/".join([kind, *(record.take() for _ in range(3))])
    if kind == "D":
        count = record.take()
        if not _COUNT.fullmatch(count) or int(count) > _MOST_PARTS:
            raise ValueError("has a distributed availability without a number of parts")
        return None, "/".join([kind, *(record.take() for _ in range(2 * int(count)))])
    if kind not in ("", "0", "1", "2", "Z"):
        raise ValueError("has a funds type that BAI2 does not know")
    return None, kind


def _date(text: str) -> date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("has a date that is not written as YYMMDD")
    try:
        return date_of(year_of(match[1]), int(match[2]), int(match[3]))
    except ValueError as error:
        raise ValueError(f"has a date that {error}") from None
