"""SAF-T, the standard audit file: a company's general ledger as its tax authority asks for it.

OECD 1.x and 2.x as used in Portugal, Norway, Denmark, Luxembourg, Romania, Lithuania and others.
Lines are ledger lines: the account is the ledger account and **debits are positive**, as in a
table of the company's own books that is read with `is_inverted`. Each account is a statement with
its opening and closing balance; the totals of the file are compared with its lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lxml import etree

from apps.ingestion.formats.amounts import decimals_of, parse_amount
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
from apps.ingestion.formats.corrections import Corrections
from apps.ingestion.formats.dates import parse_iso_date
from apps.ingestion.formats.errors import MalformedFile
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.numbering import Numbers, numbered
from apps.ingestion.formats.sign_rules import DEBIT_POSITIVE
from apps.ingestion.formats.xml_stream import closed_elements, leaves_of, local_name

Leaves = dict[str, list[str]]

_ROOT = re.compile(r"(?:^|\})AuditFile$")
_LINES = ("Line", "TransactionLine", "DebitLine", "CreditLine")
_OF_TRANSACTION = (
    *("TransactionID", "TransactionDate", "GLPostingDate", "Description", "TransactionType"),
    *("CustomerID", "SupplierID", "SourceDocumentID", "DocArchivalNumber", "Period"),
)
_TOTALS = ("NumberOfEntries", "TotalDebit", "TotalCredit")
_PIECES: dict[str, tuple[str, ...]] = {
    "Header": ("AuditFile",),
    "GeneralLedgerEntries": ("AuditFile",),
    "Account": ("GeneralLedgerAccounts",),
    "Customer": ("Customers", "MasterFiles"),
    "Supplier": ("Suppliers", "MasterFiles"),
    **dict.fromkeys(_TOTALS, ("GeneralLedgerEntries",)),
    "JournalID": ("Journal",),
    **dict.fromkeys(_OF_TRANSACTION, ("Transaction",)),
    **dict.fromkeys(_LINES, ("Transaction", "Lines")),
    "Transaction": ("Journal",),
    # Not read, but asked for, so that what was passed is dropped and the memory stays bounded.
    "Invoice": ("SalesInvoices", "PurchaseInvoices"),
    "Payment": ("Payments",),
    "StockMovement": ("MovementOfGoods",),
    "WorkDocument": ("WorkingDocuments",),
    "Product": ("MasterFiles", "Products"),
    "TaxTableEntry": ("TaxTable",),
    "AnalysisTypeTableEntry": ("AnalysisTypeTable",),
    "PhysicalStockEntry": ("PhysicalStock",),
    "Asset": ("Assets",),
    "AssetTransaction": ("AssetTransactions",),
}
_SUMMARY_ACCOUNTS = ("GR", "GA", "AR", "AA")  # Portuguese GroupingCategory of accounts of accounts
_ATTRIBUTES = {
    "cost_centre": ("Analysis/AnalysisID",),
    "currency": ("DebitAmount/CurrencyCode", "CreditAmount/CurrencyCode"),
    "currency_amount": ("DebitAmount/CurrencyAmount", "CreditAmount/CurrencyAmount"),
    "tax_code": ("TaxInformation/TaxCode",),
}


class _LineRefused(Exception):
    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field_name
        self.reason = reason


class Saft:
    """SAF-T general ledgers."""

    name = "saft"
    title = "SAF-T general ledger (XML)"
    max_bytes = 256_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """XML whose root is an AuditFile."""
        text = head.replace(b"\0", b"")
        start = rb"<(?:[\w.-]+:)?AuditFile[\s>]"
        return b"<" in text[:8] and re.search(start, text) is not None

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`."""
        return numbered(lambda numbers: self._read(content, mapping, numbers))

    def _read(self, content: bytes, mapping: FieldMapping, numbers: Numbers) -> Reading:
        reader = _Reader(Corrections(mapping.corrections), numbers)
        remedy = "Send a SAF-T file with general ledger entries."
        for element in closed_elements(content, _PIECES, root=_ROOT, remedy=remedy):
            reader.take(element)
        if not reader.has_ledger:
            raise MalformedFile("The file holds no general ledger entries.", remedy=remedy)
        reading = Reading(
            format=self.name,
            lines=frame_of(reader.lines),
            statements=reader.statements(),
            rejected=tuple(reader.rejected),
            conventions={"sign": DEBIT_POSITIVE, **numbers.conventions},
        )
        return reader.corrections.completed(reading, reader.differences)


@dataclass
class _Account:
    """Balances of an account, debit positive, None where the file states none."""

    opening: int | None = None
    closing: int | None = None
    is_summary: bool = False


@dataclass
class _Reader:
    """Takes the pieces of a file in document order.

    Attributes:
        differences: credits - debits of each transaction with a corrected line, by its number.
    """

    corrections: Corrections
    numbers: Numbers
    differences: dict[str, int | None] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    has_ledger: bool = False
    _currency: str = ""
    _period: tuple[date | None, date | None] = (None, None)
    _accounts: dict[str, _Account] = field(default_factory=dict)
    _parties: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)  # account -> index of its statement
    _totals: dict[str, str] = field(default_factory=dict)
    _journal: str = ""
    _transaction: dict[str, str] = field(default_factory=dict)
    _pending: list[tuple[int, str, Leaves]] = field(default_factory=list)
    _transactions: int = 0
    _unbalanced: int = 0
    _line_count: int = 0
    _debits: int = 0
    _credits: int = 0

    def take(self, element: etree._Element) -> None:
        """One closed element of `_PIECES`."""
        name, line, text = (
            local_name(element),
            element.sourceline or 1,
            (element.text or "").strip(),
        )
        match name:
            case "Header":
                self._take_header(leaves_of(element), line)
            case "Account":
                self._take_account(leaves_of(element), line)
            case "Customer" | "Supplier":
                self._take_party(name, leaves_of(element))
            case "JournalID":
                self._journal = text
            case "GeneralLedgerEntries":
                self.has_ledger = True
            case "Transaction":
                self._end_transaction()
            case _ if name in _LINES:
                self._pending.append((self.numbers.of(line), name, leaves_of(element)))
            case _ if name in _TOTALS:
                self._totals[name] = text
            case _ if name in _OF_TRANSACTION:
                self._transaction[name] = text

    def _take_header(self, leaves: Leaves, line: int) -> None:
        self._currency = _first(leaves, "DefaultCurrencyCode", "CurrencyCode")
        if decimals_of(self._currency) is None:
            raise MalformedFile(
                "The header states no ISO 4217 currency.", line=line, field="DefaultCurrencyCode"
            )
        self._period = (
            _informative_date(leaves, "SelectionCriteria/SelectionStartDate", "StartDate"),
            _informative_date(leaves, "SelectionCriteria/SelectionEndDate", "EndDate"),
        )

    def _take_account(self, leaves: Leaves, line: int) -> None:
        try:
            self._accounts[_first(leaves, "AccountID")] = _Account(
                opening=self._balance(leaves, "Opening"),
                closing=self._balance(leaves, "Closing"),
                is_summary=_first(leaves, "GroupingCategory") in _SUMMARY_ACCOUNTS,
            )
        except ValueError as error:
            raise MalformedFile(
                f"The balance of an account {error}.", line=line, field="Account"
            ) from None

    def _balance(self, leaves: Leaves, when: str) -> int | None:
        sides = [_first(leaves, f"{when}{side}Balance") for side in ("Debit", "Credit")]
        if not any(sides):
            return None
        debit, credit = (self._units(text) if text else 0 for text in sides)
        return debit - credit

    def _units(self, text: str) -> int:
        """An amount with its sign, in ten-thousandths of the ledger's currency."""
        units = parse_amount(text.removeprefix("-"), currency=self._currency, decimal=".")
        return -units if text.startswith("-") else units

    def _take_party(self, kind: str, leaves: Leaves) -> None:
        name = _first(leaves, "CompanyName", "Name", "CompanyStructure/Name")
        self._parties[kind, _first(leaves, f"{kind}ID")] = name

    def _end_transaction(self) -> None:
        self._transactions += 1
        sum_before = self._debits - self._credits
        place = str(self._transactions)
        for line, name, leaves in self._pending:
            self._line_count += 1
            try:
                self.lines.append(self._row(line, name, leaves))
            except _LineRefused as refusal:
                self.rejected.append(Rejected(line, refusal.field, refusal.reason))
                self.corrections.note_rejected(line, place)
                require_readable(self.rejected)
        if any(line in self.corrections.asked for line, _, _ in self._pending):
            self.differences[place] = sum_before - (self._debits - self._credits)
        self._unbalanced += self._debits - self._credits != sum_before
        self._pending, self._transaction = [], {}

    def _row(self, line: int, name: str, leaves: Leaves) -> dict[str, Any]:
        posted_on = self._transaction.get("GLPostingDate") or self._transaction.get(
            "TransactionDate", ""
        )
        if line in self.corrections.asked:
            found = {**_correctable(leaves), "GLPostingDate": posted_on}
            texts = dict(self.corrections.of(line, found, self._transactions))
            posted_on = texts.pop("GLPostingDate")
            others = {path: leaf for path, leaf in leaves.items() if path not in texts}
            leaves = others | {path: [text] for path, text in texts.items() if text}
        account = _first(leaves, "AccountID")
        if not account:
            raise _LineRefused("AccountID", "The line has no account.")
        booked_on = _booked_on(posted_on)
        debit, credit = self._sides(leaves)
        self._debits += debit
        self._credits += credit
        kind, party = self._party(leaves)
        attributes = {
            **{key: _first(leaves, *paths) for key, paths in _ATTRIBUTES.items()},
            "journal": self._journal,
            "document_date": self._transaction.get("TransactionDate", ""),
            "party_id": party,
            "period": self._transaction.get("Period", ""),
            "transaction_type": self._transaction.get("TransactionType", ""),
        }
        record = _first(leaves, "RecordID")
        identifiers = (self._journal, self._transaction.get("TransactionID", ""), record)
        return {
            "line": line,
            "statement": self._numbers.setdefault(account, len(self._numbers)),
            "external_id": "/".join(one for one in identifiers if one),
            "account": account,
            "booked_on": booked_on,
            "value_on": _informative_date(leaves, "ValueDate"),
            "amount": debit - credit,
            "currency": self._currency,
            "reference": _first(leaves, "SourceDocumentID", "ReferenceNumber")
            or self._transaction.get("SourceDocumentID", "")
            or self._transaction.get("DocArchivalNumber", ""),
            "counterparty": self._parties.get((kind, party), ""),
            "narrative": _first(leaves, "Description") or self._transaction.get("Description", ""),
            "attributes": canonical_json(attributes),
        }

    def _sides(self, leaves: Leaves) -> tuple[int, int]:
        """Debit and credit of a line, of which one is filled."""
        if not self._currency:
            raise MalformedFile("The file has lines before its header.")
        try:
            debit, credit = (
                self._units(text) if text else 0
                for text in (
                    _first(leaves, f"{side}Amount/Amount", f"{side}Amount")
                    for side in ("Debit", "Credit")
                )
            )
        except ValueError as error:
            raise _LineRefused("Amount", f"The amount {error}.") from None
        if debit and credit:
            raise _LineRefused("Amount", "The line has both a debit and a credit.")
        if not any(path.startswith(("DebitAmount", "CreditAmount")) for path in leaves):
            raise _LineRefused("Amount", "The line has neither a debit nor a credit.")
        return debit, credit

    def _party(self, leaves: Leaves) -> tuple[str, str]:
        for kind in ("Customer", "Supplier"):
            identifier = _first(leaves, f"{kind}ID") or self._transaction.get(f"{kind}ID", "")
            if identifier:
                return kind, identifier
        return "", ""

    def statements(self) -> tuple[Statement, ...]:
        """One per account: those with lines, then those whose balance moved without any."""
        totals = dict.fromkeys(self._numbers, 0)
        counts = dict.fromkeys(self._numbers, 0)
        for row in self.lines:
            totals[row["account"]] += row["amount"]
            counts[row["account"]] += 1
        for name, account in self._accounts.items():
            if account.opening != account.closing and not account.is_summary:
                totals.setdefault(name, 0)
        controls = self._controls()
        notes = disagreements(controls)
        if self._unbalanced:
            notes.append(f"Transactions whose debits and credits differ: {self._unbalanced}.")
        last = next(reversed(totals), None)
        return tuple(
            Statement(
                account=name,
                currency=self._currency,
                opening=self._accounts.get(name, _Account()).opening,
                closing=self._accounts.get(name, _Account()).closing,
                line_count=counts.get(name, 0),
                total=total,
                opened_on=self._period[0],
                closed_on=self._period[1],
                notes=tuple(notes) if name == last else (),
                control_totals=tuple(controls) if name == last else (),
            )
            for name, total in totals.items()
        )

    def _controls(self) -> list[ControlTotal]:
        """The totals of the file; countries count entries as transactions or as lines."""
        found = []
        entries = self._totals.get("NumberOfEntries", "")
        if entries.isascii() and entries.isdigit():
            stated = int(entries[:18])
            held = self._line_count if stated == self._line_count else self._transactions
            found.append(ControlTotal("NumberOfEntries", stated, held, is_count=True))
        for name, held in (("TotalDebit", self._debits), ("TotalCredit", self._credits)):
            if self._totals.get(name):
                try:
                    found.append(ControlTotal(name, self._units(self._totals[name]), held))
                except ValueError as error:
                    raise MalformedFile(f"A control total {error}.", field=name) from None
        return found


def _first(leaves: Leaves, *paths: str) -> str:
    for path in paths:
        if path in leaves:
            return leaves[path][0]
    return ""


def _correctable(leaves: Leaves) -> dict[str, str]:
    """Account, debit and credit of a line by path; '' for what it lacks."""
    found = {"AccountID": _first(leaves, "AccountID")}
    for side in ("DebitAmount", "CreditAmount"):
        path = f"{side}/Amount" if f"{side}/Amount" in leaves else side
        found[path] = _first(leaves, path)
    return found


def _booked_on(text: str) -> date:
    """The posting date; of a file without one, that of the document."""
    try:
        return parse_iso_date(text)
    except ValueError as error:
        raise _LineRefused("GLPostingDate", f"The date {error}.") from None


def _informative_date(leaves: Leaves, *paths: str) -> date | None:
    try:
        return parse_iso_date(_first(leaves, *paths))
    except ValueError:
        return None
