"""CSV that opens as what it is, and carries nothing out."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

import pytest

from apps.common.tables import csv_of


@pytest.mark.parametrize("start", list("=+-@\t\r\n|%"))
def test_text_that_begins_like_a_formula_stays_text(start: str) -> None:
    text = csv_of(["a"], [[f"{start}1+1"]]).decode("utf-8-sig")
    assert list(csv.reader(StringIO(text, newline="")))[1] == [f"'{start}1+1"]


def test_numbers_stay_numbers_and_text_is_text() -> None:
    made = csv_of(["a", "b", "c"], [[Decimal("-5.00"), -3, 'Ärger, "quoted"'], ["", 0, "x-1"]])
    assert made == '\ufeffa,b,c\r\n-5.00,-3,"Ärger, ""quoted"""\r\n,0,x-1\r\n'.encode()
