"""OFX 1 (SGML), OFX 2 (XML) and QFX: bank and credit card statements.

The amounts are signed as the account holder sees them. A statement states its balance at its end
(LEDGERBAL) and none at its start, so that no tie-out is claimed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from apps.ingestion.formats.amounts import decimals_of, parse_amount
from apps.ingestion.formats.contract import (
    Reading,
    Rejected,
    Statement,
    canonical_json,
    frame_of,
    require_readable,
)
from apps.ingestion.formats.corrections import Corrections, statement_differences
from apps.ingestion.formats.dates import date_of
from apps.ingestion.formats.errors import MalformedFile, WrongEncoding
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.numbering import Numbers, numbered
from apps.ingestion.formats.ofx_markup import Aggregate, document_of
from apps.ingestion.formats.text import LAST_RESORT, utf8_text

_STATEMENTS = ("STMTRS", "CCSTMTRS")
# A date, perhaps with a time and a zone beside it: 20130525225731.258[-5:EST]
_DATE = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:\d{2}(?:\d{2}(?:\d{2}(?:[.,]\d+)?)?)?)?\s*(?:\[[^\]]*\])?", re.ASCII
)
_AMOUNT = re.compile(r"([+-]?)([\d.,]+)", re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_GROUP_DIGITS = 3
_CHARSET = re.compile(r"CHARSET:\s*([A-Za-z0-9._-]+)|<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]+)")
_WESTERN = ("", "NONE", "1252", "WINDOWS-1252", "ISO-8859-1", "8859-1", "US-ASCII", "UTF-8")
_ATTRIBUTES = {
    "cheque_number": ("CHECKNUM",),
    "counterparty_account": ("BANKACCTTO/ACCTID", "CCACCTTO/ACCTID"),
    "counterparty_bank": ("BANKACCTTO/BANKID",),
    "exchange_rate": ("ORIGCURRENCY/CURRATE",),
    "initiated_on": ("DTUSER",),
    "original_currency": ("ORIGCURRENCY/CURSYM",),
    "payee_id": ("PAYEEID",),
    "server_id": ("SRVRTID",),
    "transaction_type": ("TRNTYPE",),
}
_UNIQUE = ("DTPOSTED", "TRNAMT", "FITID", "DTTRAN")
_NEEDED = dict.fromkeys(("TRNTYPE", "DTPOSTED", "TRNAMT"), "")  # can be put in where missing
_OUTFLOW = ("DEBIT", "FEE", "SRVCHG", "PAYMENT", "CHECK")


class _LineRefused(Exception):
    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field_name
        self.reason = reason


class Ofx:
    """OFX 1.x, OFX 2.x and QFX."""

    name = "ofx"
    title = "OFX or QFX"
    max_bytes = 64_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """The OFX header, or its root element, near the start."""
        text = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").replace(b"\0", b"")
        marks = rb"\s*OFXHEADER\s*:|\s*<OFX\s*>|\s*<\?(?:xml[^>]*\?>\s*<\?)?OFX\s"
        return re.match(marks, text, re.IGNORECASE) is not None

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`."""
        raw, encoding = utf8_text(content, mapping.encoding)
        text = raw.decode("utf-8")
        if encoding == LAST_RESORT and mapping.encoding is None:
            _require_western(text)
        document = document_of(text.replace("\r\n", "\n").replace("\r", "\n"))
        statements = _statements_in(document)
        return numbered(lambda numbers: self._read(statements, encoding, mapping, numbers))

    def _read(
        self,
        statements: list[Aggregate],
        encoding: str,
        mapping: FieldMapping,
        numbers: Numbers,
    ) -> Reading:
        reader = _Reader(Corrections(mapping.corrections), numbers)
        for statement in statements:
            reader.take(statement)
        reading = Reading(
            format=self.name,
            lines=frame_of(reader.lines),
            statements=tuple(reader.statements),
            rejected=tuple(reader.rejected),
            pending=frame_of(reader.pending),
            conventions={"encoding": encoding, **numbers.conventions},
        )
        differences = statement_differences(reader.statements)
        return reader.corrections.completed(reading, differences)


def _require_western(text: str) -> None:
    """Refuses a file that declares another character set than the one it would be read in."""
    match = _CHARSET.search(text.partition("<OFX")[0])
    declared = (match[1] or match[2]).upper() if match else ""
    if declared not in _WESTERN:
        raise WrongEncoding("The file declares a character set that is not read by itself.", line=1)


def _statements_in(document: Aggregate) -> list[Aggregate]:
    investment = next(document.below("INVSTMTRS"), None)
    if investment is not None:
        raise MalformedFile(
            "There is an investment statement, of which only the cash could be read.",
            line=investment.line,
            remedy="Download the bank or card account alone.",
        )
    for answer in document.below("STMTTRNRS", "CCSTMTTRNRS"):
        if answer.text("STATUS/SEVERITY").upper() == "ERROR":
            raise MalformedFile(
                "The bank answered with an error instead of a statement.", line=answer.line
            )
    found = list(document.below(*_STATEMENTS))
    if not found:
        raise MalformedFile("The file holds no bank or card statement.", line=document.line)
    return found


@dataclass
class _Reader:
    corrections: Corrections
    numbers: Numbers
    lines: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def take(self, statement: Aggregate) -> None:
        currency = statement.text("CURDEF").upper()
        if decimals_of(currency) is None:
            raise MalformedFile(
                "The currency is not an ISO 4217 code.", line=statement.line, field="CURDEF"
            )
        account = statement.text("BANKACCTFROM/ACCTID", "CCACCTFROM/ACCTID")
        transactions = _listed(statement, "BANKTRANLIST", "STMTTRN")
        booked = self._rows(transactions, currency)
        pending = self._rows(_listed(statement, "BANKTRANLISTP", "STMTTRNP"), currency)
        shared = {"statement": len(self.statements), "account": account, "currency": currency}
        self.lines += [row | shared for row in booked]
        self.pending += [row | shared for row in pending]
        closing, balanced_on = _ledger_balance(statement, currency)
        notes = _notes(transactions)
        if pending:
            notes.append(f"Not booked and left out: {len(pending)} entries.")
        self.statements.append(
            Statement(
                account=account,
                currency=currency,
                opening=None,
                closing=closing,
                line_count=len(booked),
                total=sum(row["amount"] for row in booked),
                opened_on=_informative_date(statement.text("BANKTRANLIST/DTSTART")),
                closed_on=balanced_on or _informative_date(statement.text("BANKTRANLIST/DTEND")),
                pending_count=len(pending),
                notes=tuple(notes),
            )
        )

    def _rows(self, transactions: list[Aggregate], currency: str) -> list[dict[str, Any]]:
        rows = []
        place = len(self.statements)
        for one in transactions:
            transaction = self._corrected(one, place)
            try:
                rows.append(_row(transaction, currency))
            except _LineRefused as refusal:
                self.rejected.append(Rejected(transaction.line, refusal.field, refusal.reason))
                self.corrections.note_rejected(transaction.line, place)
                require_readable(self.rejected)
        return rows

    def _corrected(self, transaction: Aggregate, place: int) -> Aggregate:
        """The transaction as it is to be read, its line the number that it is found by.

        What was said anew of it is no longer doubtful.
        """
        line = self.numbers.of(transaction.line)
        transaction = replace(transaction, line=line)
        if line not in self.corrections.asked:
            return transaction
        texts = self.corrections.of(line, {**_NEEDED, **transaction.leaves}, place)
        repeated = transaction.repeated.difference(self.corrections.asked[line])
        return replace(transaction, leaves=dict(texts), repeated=repeated)


def _listed(statement: Aggregate, list_name: str, name: str) -> list[Aggregate]:
    return [one for listed in statement.named(list_name) for one in listed.named(name)]


def _row(transaction: Aggregate, currency: str) -> dict[str, Any]:
    """A line in LINE_SCHEMA without statement, account and currency."""
    _require_plain(transaction, currency)
    attributes = {name: transaction.text(*paths) for name, paths in _ATTRIBUTES.items()}
    if not attributes["cheque_number"].strip("0"):
        attributes["cheque_number"] = ""
    number = transaction.text("REFNUM")
    return {
        "line": transaction.line,
        "external_id": transaction.text("FITID"),
        "booked_on": _date(transaction, "DTPOSTED", "DTTRAN"),
        "value_on": _date(transaction, "DTAVAIL") if transaction.text("DTAVAIL") else None,
        "amount": _signed(transaction, currency),
        "reference": number or attributes["cheque_number"],
        "counterparty": transaction.text("PAYEE/NAME", "NAME"),
        "narrative": transaction.text("MEMO", "EXTDNAME"),
        "attributes": canonical_json(attributes),
    }


def _require_plain(transaction: Aggregate, currency: str) -> None:
    repeated = sorted(transaction.repeated.intersection(_UNIQUE))
    if repeated:
        raise _LineRefused(repeated[0], "The line has this twice; have the bank correct it.")
    if transaction.text("CORRECTFITID"):
        raise _LineRefused("CORRECTFITID", "The line takes back an earlier one; enter it by hand.")
    if transaction.text("CURRENCY/CURSYM").upper() not in ("", currency):
        raise _LineRefused("CURRENCY", "The line is in another currency than its account.")


def _signed(transaction: Aggregate, currency: str) -> int:
    match = _AMOUNT.fullmatch(transaction.text("TRNAMT"))
    try:
        if match is None:
            raise ValueError("is not a plain amount")
        return _units(match, currency)
    except ValueError as error:
        raise _LineRefused("TRNAMT", f"The amount {error}; have the bank correct it.") from None


def _units(match: re.Match[str], currency: str) -> int:
    """OFX knows a decimal comma or point and no grouping; some banks group all the same.

    Raises:
        ValueError: the amount is none, or `1.000` of a currency without three decimals.
    """
    decimals = decimals_of(currency)
    if decimals is not None and decimals < _GROUP_DIGITS and _GROUPED.fullmatch(match[2]):
        raise ValueError("can be read in two ways, as thousands or with decimals")
    digits = match[2] if match[2][0].isdigit() else f"0{match[2]}"
    units = parse_amount(digits, currency=currency, decimal="," if "," in digits else ".")
    return -units if match[1] == "-" else units


def _date(transaction: Aggregate, *names: str) -> date:
    text = transaction.text(*names)
    if not text:
        raise _LineRefused(names[0], "The line has no date; have the bank correct it.")
    try:
        return _parsed_date(text)
    except ValueError as error:
        raise _LineRefused(names[0], f"The date {error}; have the bank correct it.") from None


def _parsed_date(text: str) -> date:
    """A date as written: time and zone beside it never shift it."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("is not written as OFX dates are")
    return date_of(int(match[1]), int(match[2]), int(match[3]))


def _informative_date(text: str) -> date | None:
    try:
        return _parsed_date(text)
    except ValueError:
        return None


def _ledger_balance(statement: Aggregate, currency: str) -> tuple[int | None, date | None]:
    """The balance that the statement ends with, and its day.

    Raises:
        MalformedFile: it is there and cannot be read; nothing could be proven with it.
    """
    balance = next(statement.named("LEDGERBAL"), None)
    if balance is None:
        return None, None
    match = _AMOUNT.fullmatch(balance.text("BALAMT"))
    try:
        if match is None:
            raise ValueError("is not a plain amount")
        day = balance.text("DTASOF")
        return _units(match, currency), _parsed_date(day) if day else None
    except ValueError as error:
        raise MalformedFile(f"The balance {error}.", line=balance.line, field="LEDGERBAL") from None


def _notes(transactions: list[Aggregate]) -> list[str]:
    """What a reviewer should know: identifiers that repeat, types that contradict their sign."""
    notes = []
    identifiers = Counter(one.text("FITID") for one in transactions if one.text("FITID"))
    repeated = sum(count > 1 for count in identifiers.values())
    if repeated:
        notes.append(f"Identifiers (FITID) that are there more than once: {repeated}.")
    odd = sum(
        one.text("TRNTYPE").upper() in _OUTFLOW and not one.text("TRNAMT").startswith("-")
        for one in transactions
    )
    if odd:
        notes.append(f"Lines that are called an outflow without a negative amount: {odd}.")
    return notes
