"""Lines of bank statements and books are corrected where the file itself proves the correction."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from apps.ingestion.errors import (
    CorrectionInvalid,
    CorrectionUnproven,
    LineNotCorrectable,
    LinesBelongTogether,
    StillRejected,
)
from apps.ingestion.formats.numbering import Numbers
from apps.ingestion.models import Batch, Record, RejectedLine, Source
from apps.ingestion.selectors import original_of
from apps.ingestion.services import (
    change_mapping,
    correct_line,
    correct_lines,
    correcting,
    texts_of_line,
    texts_together,
)
from tests.ingestion.conftest import Fix, statement, table
from tests.ingestion.formats.documents import balance, camt, entry
from tests.ingestion.formats.test_bai2 import LINE as BAI2_LINE
from tests.ingestion.formats.test_bai2 import SOUND as BAI2
from tests.ingestion.formats.test_fec import HEADER as FEC_HEADER
from tests.ingestion.formats.test_ofx import ofx
from tests.ingestion.formats.test_saft import line as saft_line
from tests.ingestion.formats.test_saft import saft, side, transaction

GOOD = "2304070407C10,00NTRFINV-1"
BAD = "2304080408C5.0.0NTRFINV-2"
BALANCES = balance("OPBD", "100.00") + "\n" + balance("CLBD", "115.00")
CAMT = camt(BALANCES, entry() + "\n", entry("5,00") + "\n")
ROWS = ("VE|Ventes|1|20260407|{}|Facture|{}|{}",) * 2
FEC = "\n".join(
    [
        FEC_HEADER,
        "VE|Ventes|1|20260407|411000|Facture|12,00|0,00",
        "VE|Ventes|1|20260407|706000|Facture|0,00|douze",
        "VE|Ventes|2|20260408|411000|Facture|1,00|0,00",
        "VE|Ventes|2|20260408|706000|Facture|0,00|1,00",
        "",
    ]
).encode()
SAFT = saft(
    transaction(saft_line(side("5.00")), saft_line(side("five", "Credit"), account="20")),
    transaction(saft_line(side("1.00")), saft_line(side("1.00", "Credit"), account="20")),
)
OFX = ofx(
    "<TRNTYPE>POS<DTPOSTED>20260407<TRNAMT>-4.50<FITID>1<NAME>Shop",
    "<TRNTYPE>POS<DTPOSTED>20260408<TRNAMT>4,5.0<FITID>2<NAME>Shop",
).encode()
DETAIL = "<TxDtls><AmtDtls><TxAmt><Amt Ccy='EUR'>{}</Amt></TxAmt></AmtDtls></TxDtls>"
# An entry of two details, whose direction cannot be read.
DETAILED = entry("5.00", "CRED", details="\n".join(map(DETAIL.format, ("2.00", "3.00")))) + "\n"
# Format, file, what is corrected, what the record then is, and what the file does not bear out.
CASES = {
    "camt": (CAMT, {"Amt": "5.00"}, Decimal(5), {"Amt": "6.00"}, "-1.00 EUR are missing"),
    "mt940": (
        statement(GOOD, BAD, closing="C115,00").encode(),
        {"61": "2304080408C5,00NTRFINV-2"},
        Decimal(5),
        {"61": "2304080408D5,00NTRFINV-2"},
        "10.00 EUR are missing",
    ),
    "bai2": (
        BAI2.replace(BAI2_LINE, BAI2_LINE.replace("450", "4x50")).encode(),
        {"16": "195,450,Z,B1,C1,WIRE IN"},
        Decimal("4.50"),
        {"16": "195,400,Z,B1,C1,WIRE IN/"},
        "0.50 USD are missing",
    ),
    "saft": (
        SAFT,
        {"CreditAmount/Amount": "5.00"},
        Decimal(-5),
        {"CreditAmount/Amount": "4.00"},
        "-1.00 EUR are missing",
    ),
    "fec": (FEC, {"Credit": "12,00"}, Decimal(-12), {"Credit": "11,00"}, "-1.00 EUR are missing"),
}


@pytest.fixture
def rejected(define: Any, bring: Any) -> Any:
    """The one rejected line of a file: `rejected("camt", content)`."""

    def make(kind: str, content: bytes) -> RejectedLine:
        bring(define(kind, format=kind), content)
        line: RejectedLine = RejectedLine.objects.get()
        return line

    return make


@pytest.mark.parametrize("kind", CASES)
class TestProven:
    def test_a_line_comes_in_once_the_file_bears_it_out(
        self, kind: str, rejected: Any, fix: Fix, alice: Any
    ) -> None:
        content, texts, amount, _, _ = CASES[kind]
        line = rejected(kind, content)
        first = line.batch
        before = texts_of_line(line_id=line.pk, actor=alice)
        correction = fix(line, **texts)
        batch = correction.batch
        assert (batch.reading, batch.line_count, batch.added_count) == (2, 1, 1)
        record = Record.objects.get(batch=batch)
        assert (record.amount, record.line) == (amount, line.line)
        ((name, after),) = texts.items()
        assert json.loads(correction.changes) == {name: [before[name], after]}
        assert (correction.corrected_by, correction.reason) == (alice, "The invoice says so")
        assert original_of(first) == content
        assert first.rejected_lines.count() == 1
        assert not any("by hand" in note for one in batch.statements for note in one["notes"])

    def test_what_the_file_does_not_bear_out_changes_nothing(
        self, kind: str, rejected: Any, fix: Fix, table_counts: Any
    ) -> None:
        content, _, _, texts, words = CASES[kind]
        line = rejected(kind, content)
        before = table_counts()
        with pytest.raises(CorrectionUnproven, match=words):
            fix(line, **texts)
        assert table_counts() == before

    def test_what_cannot_be_read_either_changes_nothing(
        self, kind: str, rejected: Any, fix: Fix, table_counts: Any
    ) -> None:
        content, texts, _, _, _ = CASES[kind]
        line = rejected(kind, content)
        before = table_counts()
        with pytest.raises(StillRejected):
            fix(line, **dict.fromkeys(texts, "seven"))
        with pytest.raises(CorrectionInvalid, match="no column 'sum'"):
            fix(line, sum="7")
        assert table_counts() == before


def test_the_texts_are_what_decides(rejected: Any, alice: Any) -> None:
    line = rejected("camt", CAMT)
    assert texts_of_line(line_id=line.pk, actor=alice) == {
        "Amt": "5,00",
        "Amt@Ccy": "EUR",
        "CdtDbtInd": "CRDT",
        "Sts": "BOOK",
        "BookgDt/Dt": "2026-04-07",
        "ValDt/Dt": "",
    }


def test_a_date_that_an_entry_lacks_can_be_put_in(rejected: Any, fix: Fix) -> None:
    content = camt(BALANCES, entry() + "\n", entry("5.00", booked="") + "\n")
    line = rejected("camt", content)
    fix(line, **{"BookgDt/Dt": "2026-04-09"})
    assert str(Record.objects.get(amount=5).booked_on) == "2026-04-09"


def test_a_statement_that_ties_again_is_no_finding(rejected: Any, fix: Fix) -> None:
    correction = fix(rejected("camt", CAMT), Amt="5.00")
    (facts,) = correction.batch.statements
    assert (facts["ties"], facts["total"], facts["lines"]) == (True, "15.00", 2)


class TestTogether:
    @pytest.fixture
    def lines(self, bank: Source, bring: Any) -> list[RejectedLine]:
        """Two of the three lines of a statement."""
        other = "2304090409C2.0.0NTRFINV-3"
        bring(bank, statement(GOOD, BAD, other, closing="C117,00"))
        return list(RejectedLine.objects.order_by("line"))

    def test_one_alone_is_refused_and_names_the_other(
        self, lines: list[RejectedLine], fix: Fix, table_counts: Any
    ) -> None:
        before = table_counts()
        with pytest.raises(LinesBelongTogether, match=f"either: {lines[1].line}") as refused:
            fix(lines[0], **{"61": "2304080408C7,00NTRFINV-2"})
        assert refused.value.details["lines"] == [lines[1].pk]
        assert table_counts() == before

    def test_both_come_in_together(self, lines: list[RejectedLine], alice: Any) -> None:
        first, second = lines
        made = correct_lines(
            texts={
                first.pk: {"61": "2304080408C5,00NTRFINV-2"},
                second.pk: {"61": "2304090409C2,00NTRFINV-3"},
            },
            reason="The bank told us by telephone",
            actor=alice,
        )
        assert [one.rejected_line for one in made] == lines
        assert Record.objects.count() == 3
        assert made[-1].batch.statements[0]["ties"] is True

    def test_two_that_are_alike_are_two(self, lines: list[RejectedLine], alice: Any) -> None:
        same = {"61": "2304080408C3,50NTRFINV-2"}
        correct_lines(texts={one.pk: same for one in lines}, reason="Alike", actor=alice)
        assert sorted(Record.objects.values_list("amount", "occurrence")) == [
            (Decimal("3.5000"), 1),
            (Decimal("3.5000"), 2),
            (Decimal(10), 1),
        ]

    @pytest.mark.parametrize(
        ("second", "refusal"),
        [
            ({"61": "2304090409C3,00NTRFINV-3"}, CorrectionUnproven),
            ({"61": "nothing"}, StillRejected),
        ],
    )
    def test_all_or_none(
        self,
        second: dict[str, str],
        refusal: Any,
        lines: list[RejectedLine],
        alice: Any,
        table_counts: Any,
    ) -> None:
        before = table_counts()
        texts = {lines[0].pk: {"61": "2304080408C5,00NTRFINV-2"}, lines[1].pk: second}
        with pytest.raises(refusal):
            correct_lines(texts=texts, reason="The bank told us", actor=alice)
        assert table_counts() == before

    def test_lines_of_two_files_are_refused(
        self, lines: list[RejectedLine], sales: Source, bring: Any, alice: Any, table_counts: Any
    ) -> None:
        bring(sales, table("L-4,2023-04-06,seven,,,,"))
        other = RejectedLine.objects.latest("pk")
        before = table_counts()
        for given in ({}, {lines[0].pk: {}, other.pk: {}}):
            with pytest.raises(CorrectionInvalid, match="one file"):
                correct_lines(texts=given, reason="Why", actor=alice)
        assert table_counts() == before


def test_too_many_lines_are_no_work_for_hands(
    bank: Source, bring: Any, alice: Any, monkeypatch: pytest.MonkeyPatch, table_counts: Any
) -> None:
    monkeypatch.setattr(correcting, "MOST_TOGETHER", 2)
    bring(bank, statement(BAD, BAD, BAD, closing="C115,00"))
    lines = list(RejectedLine.objects.all())
    before = table_counts()
    with pytest.raises(LineNotCorrectable, match="3 lines of this statement"):
        texts_together(line_id=lines[0].pk, actor=alice)
    with pytest.raises(LineNotCorrectable, match="at most 2"):
        correct_lines(texts={one.pk: {} for one in lines}, reason="All", actor=alice)
    assert table_counts() == before


def test_another_statement_of_the_file_does_not_matter(bank: Source, bring: Any, fix: Fix) -> None:
    bring(
        bank,
        statement(BAD, closing="C105,00")
        + statement("2304090409Cx", opened="230430", closed="230501"),
    )
    line = RejectedLine.objects.earliest("line")
    assert fix(line, **{"61": "2304080408C5,00NTRFINV-2"}).batch.added_count == 1


def test_an_announced_sum_proves_a_line_where_there_are_no_balances(
    rejected: Any, fix: Fix, table_counts: Any
) -> None:
    summary = "<TxsSummry><TtlCdtNtries><Sum>15.00</Sum></TtlCdtNtries></TxsSummry>"
    line = rejected("camt", camt(summary, entry() + "\n", entry("5,00") + "\n"))
    before = table_counts()
    with pytest.raises(CorrectionUnproven, match=r"-1\.00 EUR"):
        fix(line, Amt="6.00")
    assert table_counts() == before
    assert fix(line, Amt="5.00").batch.added_count == 1


def test_where_nothing_proves_a_line_a_note_says_so(rejected: Any, fix: Fix) -> None:
    line = rejected("ofx", OFX)
    correction = fix(line, TRNAMT="-4.50")
    (facts,) = correction.batch.statements
    assert facts["notes"] == [
        f"Line {line.line} was corrected by hand; nothing in the file proves it."
    ]
    assert not any(Batch.objects.earliest("pk").statements[0]["notes"])


def test_what_stands_twice_is_settled_by_saying_it(rejected: Any, fix: Fix, alice: Any) -> None:
    twice = ofx("<TRNTYPE>POS<DTPOSTED>20260407<TRNAMT>-4.50<TRNAMT>-5.40<FITID>1")
    line = rejected("ofx", twice.encode())
    assert texts_of_line(line_id=line.pk, actor=alice)["TRNAMT"] == "-4.50"
    with pytest.raises(StillRejected, match="twice"):
        fix(line, FITID="2")
    fix(line, TRNAMT="-5.40")
    assert Record.objects.get().amount == Decimal("-5.40")


def test_the_text_of_a_continued_record_stays(rejected: Any, fix: Fix) -> None:
    continued = BAI2.replace(BAI2_LINE, "16,195,4x50,Z,B1,C1,WIRE IN\n88,FROM ANNA/")
    content = (
        continued.replace("2900,3/", "2900,4/").replace("1,5/", "1,6/").replace("1,7/", "1,8/")
    )
    fix(rejected("bai2", content.encode()), **{"16": "195,450,Z,B1,C1,WIRE IN"})
    assert Record.objects.get().amount == Decimal("4.50")


def test_a_posting_date_of_one_line_can_be_corrected(rejected: Any, fix: Fix) -> None:
    lines = (saft_line(side("5.00")), saft_line(side("5.00", "Credit"), account=""))
    line = rejected("saft", saft(transaction(*lines)))
    fix(line, AccountID="20", GLPostingDate="2026-04-08")
    record = Record.objects.get(account="20")
    assert str(record.booked_on) == "2026-04-08"


IN_ONE_LINE = {
    "camt": CAMT.replace(b"\n", b""),
    "saft": SAFT.replace(b"\n", b""),
    "ofx": OFX.replace(b"\n<STMTTRN>", b"<STMTTRN>"),
    "json": json.dumps(
        [
            {"date": "2026-04-07", "amount": "1.00", "currency": "EUR"},
            {"date": "2026-04-08", "amount": "4,5.0", "currency": "EUR"},
        ]
    ).encode(),
}


class TestInOneLineOfText:
    """Entries that share a line of text are counted instead; each has a number of its own."""

    @pytest.mark.parametrize(
        ("kind", "texts", "amount"),
        [
            ("camt", {"Amt": "5.00"}, 5),
            ("saft", {"CreditAmount/Amount": "5.00"}, -5),
            ("ofx", {"TRNAMT": "4.50"}, Decimal("4.50")),
            ("json", {"amount": "4.50"}, Decimal("4.50")),
        ],
    )
    def test_the_second_entry_is_corrected_and_no_other(
        self, kind: str, texts: Any, amount: Any, rejected: Any, fix: Fix
    ) -> None:
        line = rejected(kind, IN_ONE_LINE[kind])
        assert (line.line, line.batch.conventions["numbering"]) == (2, "by entry")
        others = set(Record.objects.values_list("pk", flat=True))
        batch = fix(line, **texts).batch
        record = Record.objects.exclude(pk__in=others).get()
        assert (record.batch, record.amount, record.line) == (batch, amount, 2)
        assert batch.conventions["numbering"] == "by entry"

    @pytest.mark.parametrize("kind", ["camt", "saft"])
    def test_the_file_proves_it_as_any_other(
        self, kind: str, rejected: Any, fix: Fix, table_counts: Any
    ) -> None:
        line = rejected(kind, IN_ONE_LINE[kind])
        before = table_counts()
        with pytest.raises(CorrectionUnproven, match=CASES[kind][4]):
            fix(line, **CASES[kind][3])
        assert table_counts() == before

    def test_a_batch_of_details_comes_in_with_the_number_of_its_entry(
        self, rejected: Any, fix: Fix
    ) -> None:
        line = rejected("camt", camt(BALANCES, entry(), DETAILED).replace(b"\n", b""))
        fix(line, CdtDbtInd="CRDT")
        parts = Record.objects.filter(line=line.line).order_by("amount")
        assert [one.amount for one in parts] == [2, 3]

    @pytest.mark.parametrize("kind", IN_ONE_LINE)
    def test_what_was_read_before_entries_were_counted_is_not_corrected(
        self, kind: str, rejected: Any, fix: Fix, table_counts: Any, monkeypatch: Any
    ) -> None:
        with monkeypatch.context() as before_that:
            before_that.setattr(Numbers, "of", lambda _, line: line)
            before_that.setattr(Numbers, "of_lines", lambda _: Numbers())
            line = rejected(kind, IN_ONE_LINE[kind])
        assert "numbering" not in line.batch.conventions
        before = table_counts()
        with pytest.raises(LineNotCorrectable, match="no numbers of their own"):
            fix(line)
        assert table_counts() == before

    def test_nor_is_it_read_again_by_another_mapping(
        self, define: Any, bring: Any, connie: Any, table_counts: Any, monkeypatch: Any
    ) -> None:
        columns = {"booked_on": "date", "amount": "amount", "currency": "currency"}
        mapping = {"columns": columns, "decimal": "."}
        source = define("json", format="json", mapping=mapping)
        with monkeypatch.context() as before_that:
            before_that.setattr(Numbers, "of", lambda _, line: line)
            before_that.setattr(Numbers, "of_lines", lambda _: Numbers())
            first = bring(source, IN_ONE_LINE["json"]).batch
        swapped = {**mapping, "columns": {**columns, "narrative": "currency"}}
        change_mapping(source_id=source.pk, mapping=swapped, actor=connie)
        before = table_counts()
        again = bring(source, IN_ONE_LINE["json"])
        assert (again.batch, again.is_new) == (first, False)
        assert table_counts() == before

    def test_only_what_was_rejected_is_read_again(
        self, define: Any, bring: Any, connie: Any
    ) -> None:
        columns = {"booked_on": "date", "amount": "amount", "currency": "currency"}
        mapping = {"columns": columns, "decimal": "."}
        source = define("json", format="json", mapping=mapping)
        bring(source, IN_ONE_LINE["json"])
        swapped = {**mapping, "columns": {**columns, "narrative": "currency"}}
        change_mapping(source_id=source.pk, mapping=swapped, actor=connie)
        again = bring(source, IN_ONE_LINE["json"]).batch
        assert (again.line_count, again.added_count, again.rejected_count) == (0, 0, 1)
        assert Record.objects.count() == 1


def test_a_batch_of_details_on_lines_of_their_own_comes_in(rejected: Any, fix: Fix) -> None:
    line = rejected("camt", camt(BALANCES, entry() + "\n", DETAILED))
    parts = Record.objects.filter(batch=fix(line, CdtDbtInd="CRDT").batch)
    assert sorted(one.amount for one in parts) == [2, 3]


def test_the_second_who_corrects_is_told(rejected: Any, fix: Fix, connie: Any) -> None:
    line = rejected("camt", CAMT)
    fix(line, Amt="5.00")
    with pytest.raises(Exception, match="Alice has corrected this line"):
        correct_line(line_id=line.pk, texts={"Amt": "5.00"}, reason="Too", actor=connie)
