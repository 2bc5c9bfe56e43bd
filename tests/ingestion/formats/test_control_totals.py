"""What a file announces of itself, beside what is in it: reported, never settled by guessing."""

from __future__ import annotations

import pytest

from apps.ingestion.formats import ControlTotal, read
from tests.ingestion.formats.documents import entry, read_camt, read_mt940, sample

DEBIT = ":61:2604070407D4,50NTRFNONREF//B1"
CREDIT = ":61:2604070407C7,00NTRFNONREF//B2"
EXPECTED = ":61:260407EC2,00NTRFNONREF"


def summary(**totals: str) -> str:
    """A TxsSummry such as summary(TtlNtries="2 10.00"); the sum may be left out."""
    pieces = []
    for path, told in totals.items():
        count, _, amount = told.partition(" ")
        shown = f"<Sum>{amount}</Sum>" if amount else ""
        pieces.append(f"<{path}><NbOfNtries>{count}</NbOfNtries>{shown}</{path}>")
    return f"<TxsSummry>{''.join(pieces)}</TxsSummry>"


class TestCamt:
    ENTRIES = (entry("10.00"), entry("4.00", "DBIT"), entry("1.00", status="<Sts>PDNG</Sts>"))

    def test_totals_that_agree_are_kept_as_evidence(self):
        told = summary(TtlNtries="2 14.00", TtlCdtNtries="01 10", TtlDbtNtries="1 4.00000")

        (statement,) = read_camt(told, *self.ENTRIES[:2]).statements

        assert statement.control_totals == (
            ControlTotal("TtlNtries/NbOfNtries", 2, 2, is_count=True),
            ControlTotal("TtlNtries/Sum", 140_000, 140_000),
            ControlTotal("TtlCdtNtries/NbOfNtries", 1, 1, is_count=True),
            ControlTotal("TtlCdtNtries/Sum", 100_000, 100_000),
            ControlTotal("TtlDbtNtries/NbOfNtries", 1, 1, is_count=True),
            ControlTotal("TtlDbtNtries/Sum", 40_000, 40_000),
        )
        assert statement.notes == ()

    @pytest.mark.parametrize("told", ["2 14.00", "3 15.00"])
    def test_pending_entries_may_count_or_not(self, told):
        (statement,) = read_camt(summary(TtlNtries=told), *self.ENTRIES).statements

        assert all(total.agrees for total in statement.control_totals)

    def test_totals_that_disagree_are_reported_with_both_figures(self):
        told = summary(TtlCdtNtries="2 10.01")

        (statement,) = read_camt(told, self.ENTRIES[0], entry("12..34")).statements

        assert statement.notes == (
            "The control total TtlCdtNtries/Sum announces 10.01 where the file holds 10.00.",
        )

    @pytest.mark.parametrize("told", ["many some", "-1 -1.00", "² 1e3"])
    def test_totals_that_are_no_numbers_are_not_compared(self, told):
        (statement,) = read_camt(summary(TtlNtries=told), *self.ENTRIES).statements

        assert statement.control_totals == ()

    @pytest.mark.parametrize("tag", ["StmtPgntn", "RptPgntn", "NtfctnPgntn"])
    @pytest.mark.parametrize(("last", "is_noted"), [("false", True), ("true", False)])
    def test_a_statement_that_goes_on_elsewhere_says_so(self, tag, last, is_noted):
        pages = f"<{tag}><PgNb>1</PgNb><LastPgInd>{last}</LastPgInd></{tag}>"

        (statement,) = read_camt(pages, entry()).statements

        assert any("pages" in note for note in statement.notes) is is_noted


class TestMt942:
    def report(self, *lines: str):
        (statement,) = read_mt940(*lines, opening=":34F:EURD0,00", closing="").statements
        return statement

    def test_number_and_sum_agree(self):
        statement = self.report(DEBIT, CREDIT, EXPECTED, ":90D:1EUR4,50", ":90C:2EUR9,00")

        assert statement.control_totals == (
            ControlTotal("90D number", 1, 1, is_count=True),
            ControlTotal("90D sum", 45_000, 45_000),
            ControlTotal("90C number", 2, 2, is_count=True),
            ControlTotal("90C sum", 90_000, 90_000),
        )

    def test_a_sum_that_disagrees_is_reported(self):
        statement = self.report(DEBIT, ":90D:1EUR4,51")

        assert statement.notes == (
            "The control total 90D sum announces 4.51 where the file holds 4.50.",
        )

    @pytest.mark.parametrize("told", [":90D:1EUR4,5,0", ":90D:1XYZ4,50", ":90D:1EUR4,505"])
    def test_a_sum_that_is_no_amount_is_not_compared(self, told):
        statement = self.report(DEBIT, told)

        assert [total.name for total in statement.control_totals] == ["90D number"]

    def test_a_real_report_agrees_with_itself(self):
        content = sample("mt940/wolph_mBank_mt942.sta")
        (statement,) = read(content, filename="x.sta").statements

        assert statement.control_totals
        assert all(total.agrees for total in statement.control_totals)


def test_a_statement_without_totals_has_none():
    assert read_camt(entry()).statements[0].control_totals == ()
    assert read_mt940(DEBIT).statements[0].control_totals == ()


@pytest.mark.parametrize(
    ("stated", "found", "words"),
    [
        (12_340, 12_300, "announces 1.234 where the file holds 1.23."),
        (-5_001, 0, "announces -0.5001 where the file holds 0.00."),
        (10_000_000, 20_000_000, "announces 1000.00 where the file holds 2000.00."),
    ],
)
def test_amounts_that_differ_are_told_in_full(stated, found, words):
    assert ControlTotal("sum", stated, found).note.endswith(words)
