"""Small documents to read, built from the part that a test is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apps.ingestion.formats import FieldMapping, Reading, read

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def sample(name: str) -> bytes:
    """A real file of tests/samples, such as camt/genkgo_camt054.v2.xml."""
    return (SAMPLES / name).read_bytes()


def read_csv(text: str | bytes, **spec: Any) -> Reading:
    """A CSV text, with a mapping if any of its keys is given."""
    content = text.encode() if isinstance(text, str) else text
    mapping = FieldMapping.from_dict(spec) if spec else None
    return read(content, filename="lines.csv", format="csv", mapping=mapping)


def entry(
    amount: str = "10.00",
    direction: str = "CRDT",
    *,
    currency: str = "EUR",
    status: str = "<Sts>BOOK</Sts>",
    booked: str = "<BookgDt><Dt>2026-04-07</Dt></BookgDt>",
    more: str = "",
    details: str = "",
) -> str:
    """A camt entry; `details` is the inside of NtryDtls."""
    inside = f"<NtryDtls>{details}</NtryDtls>" if details else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        f"{more}{status}{booked}{inside}</Ntry>"
    )


def balance(kind: str, amount: str, direction: str = "CRDT", *, currency: str = "EUR") -> str:
    """A camt balance of 2026-04-07."""
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        "<Dt><Dt>2026-04-07</Dt></Dt></Bal>"
    )


def camt(
    *pieces: str,
    version: str = "camt.053.001.02",
    account: str = "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>",
) -> bytes:
    """A camt.053 message of one statement."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><BkToCstmrStmt>\n'
        f"<Stmt>{account}\n" + "\n".join(pieces) + "\n</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def read_camt(*pieces: str, **how: str) -> Reading:
    """The reading of a camt.053 message of one statement."""
    return read(camt(*pieces, **how), filename="statement.xml", format="camt")


def mt940(
    *lines: str,
    opening: str = ":60F:C260401EUR100,00",
    closing: str = ":62F:C260430EUR100,00",
    end: str = "-",
) -> bytes:
    """An MT940 message; `lines` stand between its balances."""
    parts = [":20:START", ":25:12345678/1020304050", ":28C:1/1", opening, *lines, closing, end]
    return ("\r\n".join(part for part in parts if part) + "\r\n").encode()


def read_mt940(*lines: str, **how: str) -> Reading:
    """The reading of an MT940 message."""
    return read(mt940(*lines, **how), filename="statement.sta", format="mt940")
