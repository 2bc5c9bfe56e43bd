"""The bank statement as camt.053.001.08."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..entity import BIC, CURRENCY, IBAN, NAME
from ..facts import Item, Kind
from ..money import plain
from ..statement import Statement
from ..workdays import zone_offset

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_CREDIT, _DEBIT = "CRDT", "DBIT"
_CODES = {
    (Kind.CHARGE, _DEBIT): ("ACMT", "MDOP", "CHRG"),
    (Kind.CHARGE, _CREDIT): ("ACMT", "MCOP", "INTR"),
    (Kind.FUEL, _DEBIT): ("PMNT", "RDDT", "ESDD"),
    (Kind.FUEL, _CREDIT): ("PMNT", "RDDT", "UPDD"),
}
"""Bank transaction codes (domain, family, sub-family) other than credit transfers."""


def camt053(statement: Statement) -> bytes:
    """bank_statement.camt053.xml: one statement with its opening and closing booked balance."""
    root = Element("Document", {"xmlns": _NAMESPACE})
    message = SubElement(root, "BkToCstmrStmt")
    made_at = _made_at(statement)
    name = f"HRBR-{statement.month.tag}-{statement.number:05d}"
    header = SubElement(message, "GrpHdr")
    _text(header, "MsgId", name)
    _text(header, "CreDtTm", made_at)
    body = SubElement(message, "Stmt")
    _text(body, "Id", name)
    _text(body, "ElctrncSeqNb", str(statement.number))
    _text(body, "CreDtTm", made_at)
    _period(body, statement)
    _account(body)
    opened_on = statement.month.first_on - timedelta(days=1)
    _balance(body, "OPBD", statement.opening_cents, opened_on)
    _balance(body, "CLBD", statement.closing_cents, statement.month.last_on)
    _summary(body, statement)
    for line in statement.lines:
        _entry(body, line)
    indent(root, space=" ")
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    return declaration + tostring(root, encoding="unicode").encode() + b"\n"


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _nested(parent: Element, path: str, text: str) -> None:
    """Make the elements of a slash-separated path and put the text into the last."""
    *outer, last = path.split("/")
    for tag in outer:
        parent = SubElement(parent, tag)
    _text(parent, last, text)


def _money(parent: Element, cents: int) -> None:
    """An amount and its direction; the amount itself never has a sign."""
    SubElement(parent, "Amt", {"Ccy": CURRENCY}).text = plain(abs(cents))
    _text(parent, "CdtDbtInd", _direction(cents))


def _direction(cents: int) -> str:
    return _DEBIT if cents < 0 else _CREDIT


def _made_at(statement: Statement) -> str:
    day = statement.month.next.first_on
    return f"{day.isoformat()}T05:30:00{zone_offset(day)}"


def _period(body: Element, statement: Statement) -> None:
    span = SubElement(body, "FrToDt")
    first, last = statement.month.first_on, statement.month.last_on
    _text(span, "FrDtTm", f"{first.isoformat()}T00:00:00{zone_offset(first)}")
    _text(span, "ToDtTm", f"{last.isoformat()}T23:59:59{zone_offset(last)}")


def _account(body: Element) -> None:
    account = SubElement(body, "Acct")
    _nested(account, "Id/IBAN", IBAN)
    _text(account, "Ccy", CURRENCY)
    _nested(account, "Ownr/Nm", NAME)
    _nested(account, "Svcr/FinInstnId/BICFI", BIC)


def _balance(body: Element, code: str, cents: int, day: date) -> None:
    balance = SubElement(body, "Bal")
    _nested(balance, "Tp/CdOrPrtry/Cd", code)
    _money(balance, cents)
    _nested(balance, "Dt/Dt", day.isoformat())


def _summary(body: Element, statement: Statement) -> None:
    amounts = [line.cents for line in statement.lines]
    credits_ = [cents for cents in amounts if cents >= 0]
    debits = [-cents for cents in amounts if cents < 0]
    summary = SubElement(body, "TxsSummry")
    total = SubElement(summary, "TtlNtries")
    _text(total, "NbOfNtries", str(len(amounts)))
    _text(total, "Sum", plain(sum(credits_) + sum(debits)))
    _money(SubElement(total, "TtlNetNtry"), sum(amounts))
    for tag, side in (("TtlCdtNtries", credits_), ("TtlDbtNtries", debits)):
        part = SubElement(summary, tag)
        _text(part, "NbOfNtries", str(len(side)))
        _text(part, "Sum", plain(sum(side)))


def _entry(body: Element, line: Item) -> None:
    entry = SubElement(body, "Ntry")
    _text(entry, "NtryRef", line.external_id)
    _money(entry, line.cents)
    _nested(entry, "Sts/Cd", "BOOK")
    _nested(entry, "BookgDt/Dt", line.booked_on.isoformat())
    _nested(entry, "ValDt/Dt", line.booked_on.isoformat())
    _text(entry, "AcctSvcrRef", line.external_id)
    _code(entry, line)
    details = SubElement(SubElement(entry, "NtryDtls"), "TxDtls")
    references = SubElement(details, "Refs")
    _text(references, "AcctSvcrRef", line.external_id)
    _text(references, "EndToEndId", line.reference)
    _money(details, line.cents)
    _nested(details, f"RltdPties/{'Cdtr' if line.cents < 0 else 'Dbtr'}/Pty/Nm", line.counterparty)
    _nested(details, "RmtInf/Ustrd", line.text)


def _code(entry: Element, line: Item) -> None:
    direction = _direction(line.cents)
    transfer = ("PMNT", "ICDT" if direction == _DEBIT else "RCDT", "ESCT")
    domain, family, detail = _CODES.get((line.kind, direction), transfer)
    element = SubElement(SubElement(entry, "BkTxCd"), "Domn")
    _text(element, "Cd", domain)
    inner = SubElement(element, "Fmly")
    _text(inner, "Cd", family)
    _text(inner, "SubFmlyCd", detail)
