"""Three ways to give an amount its sign; inflow to the account holder is positive."""

from __future__ import annotations

import pytest

from tests.ingestion.formats.documents import read_csv

DAY = "2026-04-07"
EUR = {"constants": {"currency": "EUR"}}
SIDES = {"columns": {"booked_on": "Date", "debit": "Debit", "credit": "Credit"}, **EUR}
MARKED = {"columns": {"booked_on": "Date", "amount": "Amount", "indicator": "Side"}, **EUR}
SIGNED = {"columns": {"booked_on": "Date", "amount": "Amount"}, **EUR}


def amounts(header: str, *lines: str, **spec: object) -> list[int]:
    text = "\n".join([f"Date;{header}", *(f"{DAY};{line}" for line in lines)])
    return read_csv(text, **spec).lines["amount"].to_list()


def rejections(header: str, *lines: str, **spec: object) -> list[tuple[int, str, str]]:
    text = "\n".join([f"Date;{header}", *(f"{DAY};{line}" for line in lines)])
    return [(one.line, one.field, one.reason) for one in read_csv(text, **spec).rejected]


def test_a_signed_column():
    assert amounts("Amount", "-1.50", "2.00", "0.00", **SIGNED) == [-15_000, 20_000, 0]


def test_debit_and_credit_columns():
    lines = ("1.50;", ";2.00", "0.00;3.00", "4.00;-", "0.00;0.00")

    assert amounts("Debit;Credit", *lines, **SIDES) == [-15_000, 20_000, 30_000, -40_000, 0]


@pytest.mark.parametrize(
    ("debit", "credit"),
    [("D", "C"), ("dr", "CR"), ("DBIT", "CRDT"), ("Debit", "credit "), ("S", "H"), ("-", "+")],
)
def test_an_indicator_column(debit, credit):
    lines = (f"1.50;{debit}", f"2.00;{credit}")

    assert amounts("Amount;Side", *lines, **MARKED) == [-15_000, 20_000]


def test_indicator_words_of_ones_own():
    words = {"debit_words": ["Belast"], "credit_words": ["Gut"]}

    assert amounts("Amount;Side", "1.50;BELAST", "2.00;Gut", **MARKED, **words) == [-15_000, 20_000]
    assert [line for line, *_ in rejections("Amount;Side", "1.50;D", **MARKED, **words)] == [2]


def test_several_amount_columns_take_the_one_that_is_filled():
    spec = {"columns": {"booked_on": "Date", "amount": ["Out", "In"]}, **EUR}

    assert amounts("Out;In", "-1.50;", ";2.00", **spec) == [-15_000, 20_000]


@pytest.mark.parametrize(
    ("header", "spec", "line", "expected"),
    [
        ("Debit;Credit", SIDES, "1.50;", 15_000),
        ("Debit;Credit", SIDES, ";2.00", -20_000),
        ("Amount;Side", MARKED, "1.50;D", 15_000),
        ("Amount", SIGNED, "1.50", -15_000),
    ],
)
def test_inverted_signs_are_those_of_ones_own_books_and_of_cards(header, spec, line, expected):
    assert amounts(header, line, **spec, is_inverted=True) == [expected]


@pytest.mark.parametrize(
    ("header", "spec", "line", "field", "words"),
    [
        ("Debit;Credit", SIDES, "1.50;2.00", "amount", "Two amount columns are filled"),
        ("Debit;Credit", SIDES, ";", "amount", "missing"),
        ("Debit;Credit", SIDES, "-1.50;", "amount", "negative"),
        ("Debit;Credit", SIDES, "x;2.00", "amount", "not an amount"),
        ("Amount;Side", MARKED, "1.50;?", "indicator", "neither debit nor credit"),
        ("Amount;Side", MARKED, "1.50;", "indicator", "neither debit nor credit"),
        ("Amount;Side", MARKED, "-1.50;D", "indicator", "negative"),
        ("Amount;Side", MARKED, ";D", "amount", "missing"),
    ],
)
def test_a_sign_that_contradicts_itself_is_rejected(header, spec, line, field, words):
    ((number, found, reason),) = rejections(header, line, **spec)

    assert (number, found) == (2, field)
    assert words in reason


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("Debit,Credit,Currency", "1.50,,EUR", -15_000),
        ("Soll,Haben,Währung", ",2.00,EUR", 20_000),
        ("Débit,Crédit,Devise", "1.50,,EUR", -15_000),
        ("Amount,Debit/Credit,Currency", "1.50,D,EUR", -15_000),
        ("Betrag,Soll/Haben,Währung", "1.50,S,EUR", -15_000),
        ("Amount,Debit,Credit,Currency", "9.00,1.50,,EUR", -15_000),
        ("Amount,Debit,Currency", "1.50,x,EUR", 15_000),
    ],
)
def test_well_known_headers_carry_their_sign_rule(header, line, expected):
    assert read_csv(f"Date,{header}\n{DAY},{line}\n").lines["amount"].to_list() == [expected]
