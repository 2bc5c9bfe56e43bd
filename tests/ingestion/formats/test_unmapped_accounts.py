"""A column IBAN that may be anybody's must not make every customer an account of one's own."""

from __future__ import annotations

import pytest

from apps.ingestion.formats.errors import AmbiguousAccount
from tests.ingestion.formats.documents import read_csv


def table(name: str, *accounts: str) -> str:
    rows = [f"2026-01-0{day},1.00,EUR,{one}" for day, one in enumerate(accounts, start=1)]
    return "\n".join([f"Date,Amount,Currency,{name}", *rows])


@pytest.mark.parametrize("name", ["IBAN", "Iban", "(IBAN)"])
@pytest.mark.parametrize("accounts", [("DE01", "DE02"), ("DE01", "", "DE01")])
def test_an_iban_that_differs_from_row_to_row_is_refused(name, accounts):
    with pytest.raises(AmbiguousAccount) as refused:
        read_csv(table(name, *accounts))

    assert refused.value.field == name
    assert "`account`" in refused.value.remedy


@pytest.mark.parametrize(
    ("name", "accounts", "found"),
    [
        ("IBAN", ("DE01", " DE01 ", "DE01"), ["DE01"]),
        ("IBAN", ("", ""), [""]),
        ("Account IBAN", ("DE01", "DE02"), ["DE01", "DE02"]),
        ("Konto", ("DE01", "DE02"), ["DE01", "DE02"]),
        ("IBAN of the payer", ("DE01", "DE02"), [""]),
    ],
)
def test_names_that_say_whose_it_is_and_one_account_are_read(name, accounts, found):
    statements = read_csv(table(name, *accounts)).statements

    assert [one.account for one in statements] == found


@pytest.mark.parametrize(("more", "found"), [({"account": "IBAN"}, ["DE01", "DE02"]), ({}, [""])])
def test_the_remedy_settles_it(more, found):
    columns = {"booked_on": "Date", "amount": "Amount", "currency": "Currency"}

    statements = read_csv(table("IBAN", "DE01", "DE02"), columns=columns | more).statements

    assert [one.account for one in statements] == found


def test_no_rows_are_no_doubt():
    assert read_csv(table("IBAN", "DE01").replace("1.00", "x")).statements == ()
