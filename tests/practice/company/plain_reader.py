"""Reads the committed files the slow and obvious way, sharing no code with the generator.

CSV and JSON are read as sources.json says; the bank statement from either of its two forms.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

FIXTURES = Path(__file__).parents[3] / "fixtures" / "practice"
MONTHS = ("2023-02", "2023-03", "2023-04")
CAMT = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"


@dataclass(frozen=True)
class Row:
    external_id: str
    account: str
    booked_on: date
    amount: Decimal
    currency: str
    reference: str
    counterparty: str
    attributes: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Statement:
    opening: Decimal
    closing: Decimal
    rows: list[Row]


@cache
def load(name: str) -> dict:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def truth(month: str) -> dict:
    return load(f"{month}/truth.json")


def source(code: str) -> dict:
    return next(one for one in load("sources.json")["sources"] if one["code"] == code)


@cache
def rows_of(code: str, month: str) -> list[Row]:
    spec = source(code)
    path = FIXTURES / spec["path"].format(month=month)
    match spec["format"]:
        case "camt":
            return camt_statement(path).rows
        case "mt940":
            return mt940_statement(path).rows
        case "csv":
            with path.open(encoding="utf-8", newline="") as handle:
                records = list(csv.DictReader(handle, delimiter=spec["mapping"]["separator"]))
        case "json":
            records = json.loads(path.read_text(encoding="utf-8"))["jobs"]
    return [_row(spec["mapping"], record) for record in records]


def _row(mapping: dict, record: dict[str, str]) -> Row:
    def value(name: str) -> str:
        column = mapping["columns"].get(name)
        return record[column] if column else mapping.get("constants", {}).get(name, "")

    return Row(
        external_id=value("external_id"),
        account=value("account"),
        booked_on=_date(value("booked_on"), mapping.get("date_format")),
        amount=_amount(mapping, record),
        currency=value("currency"),
        reference=value("reference"),
        counterparty=value("counterparty"),
        attributes={name: record[name] for name in mapping["attributes"]},
    )


def _date(text: str, date_format: str | None) -> date:
    if date_format is None:
        return datetime.fromisoformat(text).date()
    return datetime.strptime(text, date_format).date()


def _amount(mapping: dict, record: dict[str, str]) -> Decimal:
    columns = mapping["columns"]
    if "debit" in columns:
        debit, credit = record[columns["debit"]], record[columns["credit"]]
        assert bool(debit) != bool(credit), record
        assert mapping["is_inverted"]
        return Decimal(debit or "0") - Decimal(credit or "0")
    text = record[columns["amount"]]
    if mapping["decimal"] == ",":
        text = text.replace(".", "").replace(",", ".")
    return Decimal(text)


@cache
def camt_statement(path: Path) -> Statement:
    statement = ElementTree.parse(path).getroot().find(f".//{CAMT}Stmt")
    balances = {
        balance.find(f".//{CAMT}Cd").text: _camt_amount(balance)
        for balance in statement.findall(f"{CAMT}Bal")
    }
    iban = statement.find(f"{CAMT}Acct/{CAMT}Id/{CAMT}IBAN").text
    rows = [_camt_row(entry, iban) for entry in statement.findall(f"{CAMT}Ntry")]
    return Statement(balances["OPBD"], balances["CLBD"], rows)


def _camt_amount(element: ElementTree.Element) -> Decimal:
    amount = Decimal(element.find(f"{CAMT}Amt").text)
    assert amount >= 0
    return -amount if element.find(f"{CAMT}CdtDbtInd").text == "DBIT" else amount


def _camt_row(entry: ElementTree.Element, iban: str) -> Row:
    assert entry.find(f"{CAMT}Sts/{CAMT}Cd").text == "BOOK"
    return Row(
        external_id=entry.find(f"{CAMT}AcctSvcrRef").text,
        account=iban,
        booked_on=date.fromisoformat(entry.find(f"{CAMT}BookgDt/{CAMT}Dt").text),
        amount=_camt_amount(entry),
        currency=entry.find(f"{CAMT}Amt").get("Ccy"),
        reference=entry.find(f".//{CAMT}EndToEndId").text,
        counterparty=entry.find(f".//{CAMT}Pty/{CAMT}Nm").text,
    )


MT940_LINE = re.compile(
    r":61:(?P<value>\d{6})(?P<booked>\d{4})(?P<sign>[CD])(?P<amount>[\d,]+)N[A-Z]{3}"
    r"(?P<reference>[^/]{1,16})//(?P<bank>\S{1,16})\r\n:86:/NAME/(?P<name>[^\r]+)"
)
MT940_BALANCE = r"(?P<sign>[CD])\d{6}EUR(?P<amount>[\d,]+)\r\n"


@cache
def mt940_statement(path: Path) -> Statement:
    text = path.read_bytes().decode("ascii")
    opening = re.search(":60F:" + MT940_BALANCE, text)
    closing = re.search(":62F:" + MT940_BALANCE, text)
    iban = re.search(r":25:(\w+)\r\n", text)[1]
    rows = [_mt940_row(found, iban) for found in MT940_LINE.finditer(text)]
    assert len(rows) == text.count(":61:")
    return Statement(_mt940_amount(opening), _mt940_amount(closing), rows)


def _mt940_amount(found: re.Match[str]) -> Decimal:
    amount = Decimal(found["amount"].replace(",", "."))
    return -amount if found["sign"] == "D" else amount


def _mt940_row(found: re.Match[str], iban: str) -> Row:
    day = datetime.strptime(found["value"], "%y%m%d").date()
    assert found["booked"] == day.strftime("%m%d")
    return Row(
        external_id=found["bank"],
        account=iban,
        booked_on=day,
        amount=_mt940_amount(found),
        currency="EUR",
        reference=found["reference"],
        counterparty=found["name"],
    )
