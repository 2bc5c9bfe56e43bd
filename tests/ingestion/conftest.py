"""Sources of our entity and files for them, small enough to read in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.ingestion.models import LineCorrection, RejectedLine, Source
from apps.ingestion.services import (
    ImportOutcome,
    connect_source,
    correct_line,
    define_source,
    import_file,
)

ACCOUNT = "NL91HRBR0417230200"
MAPPING: dict[str, Any] = {
    "columns": {
        "external_id": "id",
        "booked_on": "date",
        "amount": "amount",
        "reference": "reference",
        "counterparty": "who",
        "narrative": "text",
    },
    "constants": {"currency": "EUR", "account": "1000"},
    "decimal": ".",
    "date_format": "%Y-%m-%d",
    "separator": ",",
}
HEADER = "id,date,amount,reference,who,text,branch"
ANNA = "L-1,2023-04-03,100.00,INV-1,Anna Bakker,Rent of April,North"
BERT = "L-2,2023-04-04,-40.25,INV-2,Bert Visser,Refund,South"
CORA = "L-3,2023-04-05,7.10,INV-3,Cora de Wit,Coffee,"
BROKEN = "L-4,2023-04-06,seven,INV-4,Dirk Smit,No figure,"
PATH = {"path": "{period}/sales.csv"}
Fix = Callable[..., LineCorrection]


def table(*lines: str) -> bytes:
    """A CSV file that MAPPING reads."""
    return ("\n".join([HEADER, *lines]) + "\n").encode()


def statement(
    *movements: str,
    account: str = ACCOUNT,
    opened: str = "230331",
    opening: str = "C100,00",
    closed: str = "230430",
    closing: str = "C100,00",
) -> str:
    """An MT940 message; movements like "230407C10,00NTRFINV-1", balances like "C100,00"."""
    currency = "EUR"
    lines = [
        ":20:START",
        f":25:{account}",
        ":28C:1/1",
        f":60F:{opening[0]}{opened}{currency}{opening[1:]}",
        *(f":61:{movement}" for movement in movements),
        f":62F:{closing[0]}{closed}{currency}{closing[1:]}",
        "-",
    ]
    return "\r\n".join(lines) + "\r\n"


@pytest.fixture
def define(entity: Any, connie: Any) -> Callable[..., Source]:
    """Define a source of our entity: `define("bank", format="mt940")`."""

    def make(code: str, **settings: Any) -> Source:
        return define_source(
            entity_id=entity.pk, code=code, name=code.capitalize(), actor=connie, **settings
        )

    return make


@pytest.fixture
def sales(define: Callable[..., Source]) -> Source:
    """A table with names in it."""
    return define("sales", format="csv", mapping=MAPPING)


@pytest.fixture
def bank(define: Callable[..., Source]) -> Source:
    """Statements of one account."""
    return define("bank", format="mt940", account_number=ACCOUNT)


@pytest.fixture
def bring(alice: Any) -> Callable[..., ImportOutcome]:
    """Import as Alice: `bring(sales, table(ANNA))`."""

    def make(source: Source, content: bytes | str, filename: str = "file") -> ImportOutcome:
        raw = content.encode() if isinstance(content, str) else content
        return import_file(source_id=source.pk, filename=filename, content=raw, actor=alice)

    return make


@pytest.fixture
def broken(sales: Source, bring: Any) -> RejectedLine:
    """Line 3 of a file of three."""
    bring(sales, table(ANNA, BROKEN, BERT), "april.csv")
    line: RejectedLine = RejectedLine.objects.get()
    return line


@pytest.fixture
def fix(alice: Any) -> Fix:
    """Correct as Alice: `fix(line, amount="7.00")`."""

    def make(line: RejectedLine, **texts: str) -> LineCorrection:
        return correct_line(line_id=line.pk, texts=texts, reason="The invoice says so", actor=alice)

    return make


@pytest.fixture
def drop(tmp_path: Path, settings: Any, entity: Any) -> Path:
    """Our entity's drop folder, with April's."""
    settings.FILE_DROP_DIR = str(tmp_path)
    folder = tmp_path / entity.code / "2023-04"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def feed(drop: Path, sales: Source, connie: Any) -> Source:
    """A source that is pulled from the drop folder."""
    return connect_source(
        source_id=sales.pk, connector="drop", connector_settings=PATH, actor=connie
    )
