"""What common letters rule out is what the ratios would have refused, and nothing else."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from apps.reconciliation.matching.letters import Letters
from apps.reconciliation.matching.likeness import ALIKE_FROM, Texts

# Few letters, so that many are common; two that share a bucket, one beyond ASCII and one beyond
# two bytes; words that occur twice and letters that occur more than four times.
LETTERS = "aaabcd1 \N{LATIN SMALL LETTER B WITH STROKE}\N{DESERET SMALL LETTER LONG I}"
TEXTS = st.lists(st.text(LETTERS, max_size=14), min_size=2, max_size=8, unique=True)


def by_hand(left: str, right: str, *, is_code: bool) -> float:
    """How alike two normalised texts are, asked of RapidFuzz without any cut-off."""
    if is_code:
        return 100 * OSA.normalized_similarity(left, right)
    return max(
        fuzz.ratio(left, right),
        0.95 * fuzz.token_set_ratio(left, right),
        0.9 * fuzz.partial_ratio(left, right),
    )


@pytest.mark.parametrize("name", ["counterparty", "reference"])
@given(written=TEXTS)
def test_no_pair_that_is_alike_is_ruled_out(name, written):
    texts = Texts(name, pl.Series(written), pl.Series(written))
    words = texts.words.to_list()
    one, other = (axis.ravel() for axis in np.indices((len(written), len(written))))
    _, percent = texts.compared(one, other)
    for left, right, found in zip(texts.left[one], texts.right[other], percent, strict=True):
        if left == right or not words[left] or not words[right]:
            continue
        expected = by_hand(words[left], words[right], is_code=name == "reference")
        if abs(expected - ALIKE_FROM) > 0.001:
            expected *= expected > ALIKE_FROM
            assert found == pytest.approx(expected, abs=0.001)


@given(st.lists(st.text("abcdefgh 1", min_size=1, max_size=40), min_size=1, max_size=6))
def test_letters_are_counted_as_often_as_both_texts_have_them(written):
    # No two of these letters share a bucket, and four of each have a bit of their own.
    letters = Letters(pl.Series(written))
    one, other = (axis.ravel() for axis in np.indices((len(written), len(written))))
    shared = letters.shared(one, other)
    for left, right, common in zip(one, other, shared.common, strict=True):
        both = Counter(written[left]) & Counter(written[right])
        assert common >= both.total()
        if max((*Counter(written[left]).values(), *Counter(written[right]).values())) <= 4:
            assert common == both.total()
    assert shared.left.tolist() == [len(written[place]) for place in one]


def test_a_word_that_occurs_twice_does_not_rule_out_what_says_it_once():
    texts = Texts("counterparty", pl.Series(["acme acme acme acme zen"]), pl.Series(["acme"]))
    assert texts.compared(np.array([0]), np.array([0]))[1][0] == 95.0
