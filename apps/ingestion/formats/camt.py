"""ISO 20022 cash management: camt.053 statements, camt.052 reports, camt.054 notifications.

Any version. In the standard the direction of an entry is the direction of its booking, a reversal
included; some banks state the original direction instead. The statement's own balances say which:
if only the other reading of the reversals ties, it is taken, and noted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lxml import etree

from apps.ingestion.formats.amounts import SCALE, decimals_of
from apps.ingestion.formats.camt_entries import (
    Entry,
    EntryRefused,
    Leaves,
    correctable,
    direction,
    first,
    rows_of,
    units,
    with_texts,
)
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
from apps.ingestion.formats.dates import parse_iso_date
from apps.ingestion.formats.errors import MalformedFile
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.numbering import Numbers, numbered
from apps.ingestion.formats.xml_stream import closed_elements, leaves_of, local_name, namespace_of

_NAMESPACE = re.compile(r"camt\.05[234]\.001\.\d\d")
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_SUM = re.compile(r"(\d{1,17})(?:\.(\d{0,4})0*)?", re.ASCII)
_CONTAINERS = {
    "Stmt": ("BkToCstmrStmt",),
    "Rpt": ("BkToCstmrAcctRpt",),
    "Ntfctn": ("BkToCstmrDbtCdtNtfctn",),
}
_PAGINATION = ("StmtPgntn", "RptPgntn", "NtfctnPgntn")
_PIECES = {
    **_CONTAINERS,
    **dict.fromkeys(("Acct", "Bal", "TxsSummry", "FrToDt", "Ntry"), tuple(_CONTAINERS)),
    **dict.fromkeys(_PAGINATION, tuple(_CONTAINERS)),
    "TxDtls": ("NtryDtls",),
}
NO_CURRENCY = "XXX"  # ISO 4217's own word for a statement that states none and has no lines
_SUMMARIES = {
    "TtlNtries": ("CRDT", "DBIT", ""),
    "TtlCdtNtries": ("CRDT",),
    "TtlDbtNtries": ("DBIT",),
}
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


class Camt:
    """camt.052, camt.053 and camt.054."""

    name = "camt"
    title = "ISO 20022 camt.053, camt.052 or camt.054 (XML)"
    max_bytes = 256_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """XML that names a camt.05x message in its first bytes."""
        text = head.replace(b"\0", b"")
        return b"<" in text[:8] and re.search(rb"camt\.05[234]\.001\.", text) is not None

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`."""
        return numbered(lambda numbers: self._read(content, mapping, numbers))

    def _read(self, content: bytes, mapping: FieldMapping, numbers: Numbers) -> Reading:
        reader = _Reader(Corrections(mapping.corrections), numbers)
        remedy = "Send a camt.052, camt.053 or camt.054."
        for element in closed_elements(content, _PIECES, root=_NAMESPACE, remedy=remedy):
            reader.take(element)
        if not reader.statements:
            raise MalformedFile("The message holds no statement.")
        reading = Reading(
            format=self.name,
            lines=frame_of(reader.lines),
            statements=tuple(reader.statements),
            rejected=tuple(sorted(reader.rejected, key=lambda one: one.line)),
            pending=frame_of(reader.pending),
            conventions={"message": reader.message, **numbers.conventions},
        )
        differences = statement_differences(reader.statements)
        return reader.corrections.completed(reading, differences)


@dataclass
class _Tally:
    """Entries of a statement by direction and by whether they are booked."""

    counts: Counter[tuple[str, bool]] = field(default_factory=Counter)
    sums: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def controls(self, summary: Leaves) -> list[ControlTotal]:
        """The totals that a `TxsSummry` announces; some banks count pending entries in them."""
        found = []
        for path, directions in _SUMMARIES.items():
            for name, tallied in (("NbOfNtries", self.counts), ("Sum", self.sums)):
                is_count = tallied is self.counts
                stated = _stated(first(summary, f"{path}/{name}"), is_count=is_count)
                booked = sum(tallied[one, True] for one in directions)
                pending = sum(tallied[one, False] for one in directions)
                if stated is not None:
                    held = booked if stated == booked else booked + pending
                    found.append(ControlTotal(f"{path}/{name}", stated, held, is_count))
        return found


@dataclass
class _Draft:
    """A statement while its pieces come in."""

    account: str = ""
    currency: str = ""
    balances: dict[str, tuple[int, date | None]] = field(default_factory=dict)
    summary: Leaves = field(default_factory=dict)
    period: Leaves = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    reversals: list[dict[str, Any]] = field(default_factory=list)
    tally: _Tally = field(default_factory=_Tally)
    has_more_pages: bool = False
    pending_count: int = 0


@dataclass
class _Reader:
    """Takes the pieces of a message in document order."""

    corrections: Corrections
    numbers: Numbers
    lines: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    message: str = ""
    _draft: _Draft = field(default_factory=_Draft)
    _details: list[tuple[int, Leaves]] = field(default_factory=list)

    def take(self, element: etree._Element) -> None:
        """One closed element of `_PIECES`."""
        name, line = local_name(element), element.sourceline or 1
        if name in _CONTAINERS:
            self.message = _message_of(element)
            self._close_statement()
            return
        leaves = leaves_of(element)
        if name == "TxDtls":
            self._details.append((line, leaves))
        elif name == "Ntry":
            self._take_entry(self._entry(line, leaves))
        elif name == "Acct":
            self._draft.account = first(leaves, "Id/IBAN", "Id/Othr/Id")
            self._take_currency(first(leaves, "Ccy"), line)
        elif name == "Bal":
            self._take_balance(leaves, line)
        elif name == "FrToDt":
            self._draft.period = leaves
        elif name in _PAGINATION:
            self._draft.has_more_pages = first(leaves, "LastPgInd") in ("false", "0")
        else:
            self._draft.summary = leaves

    def _entry(self, line: int, leaves: Leaves) -> Entry:
        """The entry that ends here with its details, which have its number if it has its own."""
        number, details = self.numbers.of(line), self._details
        self._details = []
        if self.numbers.by_entry:
            details = [(number, each) for _, each in details]
        return Entry(number, leaves, tuple(details))

    def _take_currency(self, currency: str, line: int) -> None:
        """The first that the account or a balance states is the statement's."""
        if currency and decimals_of(currency) is None:
            raise MalformedFile("The currency is not an ISO 4217 code.", line=line, field="Ccy")
        self._draft.currency = self._draft.currency or currency

    def _take_balance(self, leaves: Leaves, line: int) -> None:
        """Keeps the first opening and the last closing balance.

        Raises:
            MalformedFile: a balance without usable amount, direction or date; nothing could be
                proven with it.
        """
        kind = first(leaves, "Tp/CdOrPrtry/Cd")
        self._take_currency(first(leaves, "Amt@Ccy"), line)
        if kind not in (*_OPENING, *_CLOSING) or (
            kind in _OPENING and kind in self._draft.balances
        ):
            return
        try:
            amount = direction(leaves, line) * units(leaves, line)
            text = first(leaves, "Dt/Dt", "Dt/DtTm")
            on = parse_iso_date(text) if text else None
        except EntryRefused as refusal:
            raise MalformedFile(
                f"A balance is not usable: {refusal}", line=line, field="Bal"
            ) from None
        except ValueError as error:
            raise MalformedFile(f"The date of a balance {error}.", line=line, field="Bal") from None
        self._draft.balances[kind] = (amount, on)

    def _take_entry(self, entry: Entry) -> None:
        draft, place = self._draft, len(self.statements)
        if entry.line in self.corrections.asked:
            texts = self.corrections.of(entry.line, correctable(entry.leaves), place)
            entry = with_texts(entry, texts)
        side = first(entry.leaves, "CdtDbtInd"), entry.status == "BOOK"
        draft.tally.counts[side] += 1
        try:
            rows = rows_of(entry, statement=place, account=draft.account)
            draft.tally.sums[side] += abs(_total(rows))
            if not entry.status:
                raise EntryRefused(entry.line, "Sts", "The entry has no status such as BOOK.")
            if entry.status != "BOOK":
                draft.pending_count += 1
                self.pending += rows
                return
            draft.currency = draft.currency or first(entry.leaves, "Amt@Ccy")
            if first(entry.leaves, "Amt@Ccy") != draft.currency:
                reason = "The entry is in another currency than its account."
                raise EntryRefused(entry.line, "Ccy", reason)
        except EntryRefused as refusal:
            self.rejected.append(refusal.rejected)
            self.corrections.note_rejected(entry.line, place)
            require_readable(self.rejected)
            return
        draft.lines += rows
        if entry.is_reversal:
            draft.reversals += rows

    def _close_statement(self) -> None:
        draft, self._draft = self._draft, _Draft()
        opening, opened_on = _balance(draft, _OPENING)
        closing, closed_on = _balance(draft, _CLOSING)
        controls = draft.tally.controls(draft.summary)
        notes = disagreements(controls)
        if draft.has_more_pages:
            notes.append("More pages of this statement follow in other files.")
        if draft.pending_count:
            notes.append(f"Not booked and left out: {draft.pending_count} entries.")
        if opening is not None and closing is not None:
            notes += _settle_reversals(draft, closing - opening)
        self.lines += draft.lines
        self.statements.append(
            Statement(
                account=draft.account,
                currency=draft.currency or NO_CURRENCY,
                opening=opening,
                closing=closing,
                line_count=len(draft.lines),
                total=_total(draft.lines),
                opened_on=opened_on or _period_date(draft, "Fr"),
                closed_on=closed_on or _period_date(draft, "To"),
                pending_count=draft.pending_count,
                notes=tuple(notes),
                control_totals=tuple(controls),
            )
        )


def _message_of(container: etree._Element) -> str:
    match = _NAMESPACE.search(namespace_of(container))
    return match[0] if match else ""


def _balance(draft: _Draft, kinds: tuple[str, ...]) -> tuple[int | None, date | None]:
    for kind in kinds:
        if kind in draft.balances:
            return draft.balances[kind]
    return None, None


def _period_date(draft: _Draft, prefix: str) -> date | None:
    """A date of the reported period; informative, so one that cannot be read is none."""
    text = first(draft.period, f"{prefix}DtTm", f"{prefix}Dt")
    try:
        return parse_iso_date(text)
    except ValueError:
        return None


def _total(rows: list[dict[str, Any]]) -> int:
    return sum(row["amount"] for row in rows)


def _settle_reversals(draft: _Draft, movement: int) -> list[str]:
    """Turns the reversals around if the balances prove it; the balances are the oracle."""
    total = _total(draft.lines)
    if total == movement or total - 2 * _total(draft.reversals) != movement:
        return []
    for row in draft.reversals:
        row["amount"] = -row["amount"]
    return [
        "Reversals are stated in their original direction; they are read as the balances prove."
    ]


def _stated(text: str, *, is_count: bool) -> int | None:
    """A number of entries, or a sum in ten-thousandths; None where there is none to compare."""
    if is_count:
        return int(text) if _COUNT.fullmatch(text) else None
    match = _SUM.fullmatch(text)
    return int(match[1]) * SCALE + int((match[2] or "").ljust(4, "0")) if match else None
