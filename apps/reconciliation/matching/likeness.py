"""How alike the texts of two items are, in four levels.

Texts are compared without case, accents, punctuation and order of words: "MÜLLER, Karl" is equal to
"Karl Muller". Words that are written in two ways count as one: "9th Ave." is "Ninth Avenue". How
alike two names or narratives are is the largest of three ratios of RapidFuzz, each of common
letters in order: of the whole texts, of their sets of words, and of the shorter within the longer.
(Its own weighted ratio finds any two names alike that share one word, say GmbH.)
References, accounts and external ids are compared character by character, in their order: what
counts is how many are wrong, missing or swapped with their neighbour (optimal string alignment).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from apps.reconciliation.matching.letters import Letters, Shared
from apps.reconciliation.matching.schemas import Floats, Ints

LEVELS = ("equal", "close", "alike", "different")
EQUAL, CLOSE, ALIKE, DIFFERENT = range(len(LEVELS))
MISSING = len(LEVELS)  # one of the two says nothing, which is evidence neither way
# From which likeness on (percent) two texts are close, and alike.
CLOSE_FROM, ALIKE_FROM = 88.0, 70.0
CODES = ("reference", "account", "external_id")
_THREADED_FROM = 50_000  # pairs from which more than one core is worth its start
_ROUNDING = 1e-6  # of a bound, in percent: a pair too many may be compared, none too few
# The other spelling of words in names and addresses.
_SPELLINGS = {
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "company": "co",
    "street": "st",
    "avenue": "ave",
    "road": "rd",
    "boulevard": "blvd",
    "drive": "dr",
    "first": "1st",
    "second": "2nd",
    "third": "3rd",
    "fourth": "4th",
    "fifth": "5th",
    "sixth": "6th",
    "seventh": "7th",
    "eighth": "8th",
    "ninth": "9th",
    "tenth": "10th",
}


def normalised(texts: pl.Series) -> pl.Series:
    """The words of each text in alphabetical order: lower case, one spelling, no marks."""
    plain = pl.col("text").str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    # "N.Y." is one word, "Smith&Sons" are two; figures stay together: "310/246-1501".
    words = (
        plain.str.replace_all(r"['.]", "")
        .str.replace_all(r"(\d)[/\-](\d)", "$1$2")
        .str.replace_all(r"[^\pL\pN]+", " ")
        .str.strip_chars()
        .str.split(" ")
        .list.eval(pl.element().replace(_SPELLINGS))
        .list.sort()
        .list.join(" ")
    )
    distinct = texts.unique()
    told = pl.DataFrame({"text": distinct}).with_columns(words.alias("words"))
    return pl.DataFrame({"text": texts}).join(told, on="text", how="left", maintain_order="left")[
        "words"
    ]


def normalised_codes(texts: pl.Series) -> pl.Series:
    """The letters and figures of each code in their order: lower case, a blank for any marks.

    Where the marks stand says something: 1/12 is not 11/2, and not 112.
    """
    plain = pl.col("text").str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    codes = plain.str.replace_all(r"[^\pL\pN]+", " ").str.strip_chars()
    return pl.DataFrame({"text": texts}).select(codes)["text"]


@dataclass(frozen=True)
class _Ratio:
    """One way to say how alike two texts are.

    Attributes:
        scorer: of RapidFuzz.
        unit: what one of its score is in percent.
        most: what equal texts come to, in percent; only of whole texts it is 100.
        bound: what it is at most, as a share of ``most``.
    """

    scorer: Callable[..., float]
    unit: float
    most: float
    bound: Callable[[Shared], Floats]

    def possible(self, shared: Shared) -> Ints:
        """The places of the pairs that may be alike by it."""
        return np.flatnonzero(self.most * self.bound(shared) >= ALIKE_FROM - _ROUNDING)

    def percent(self, left: pl.Series, right: pl.Series) -> Floats:
        """How alike the texts of each pair are; 0 below ALIKE_FROM."""
        scores = cpdist(
            left.to_list(),
            right.to_list(),
            scorer=self.scorer,
            score_cutoff=ALIKE_FROM / self.unit,
            workers=-1 if len(left) >= _THREADED_FROM else 1,
        )
        return np.asarray(self.unit * scores, dtype=np.float64)


_NAME_RATIOS = (
    _Ratio(fuzz.ratio, 1.0, 100.0, Shared.of_both),
    _Ratio(fuzz.token_set_ratio, 0.95, 95.0, Shared.of_shorter),
    _Ratio(fuzz.partial_ratio, 0.9, 90.0, Shared.of_shorter),
)
_CODE_RATIOS = (_Ratio(OSA.normalized_similarity, 100.0, 100.0, Shared.of_longer),)


def likeness(
    words: pl.Series, letters: Letters, one: Ints, other: Ints, *, is_code: bool
) -> Floats:
    """How alike two normalised texts are, pair by pair, in percent; 0 below ALIKE_FROM.

    Args:
        words: the texts.
        letters: theirs.
        one, other: of each pair the places among them; neither text is empty.
    """
    percent = np.zeros(len(one))
    shared = letters.shared(one, other)
    for ratio in _CODE_RATIOS if is_code else _NAME_RATIOS:
        places = ratio.possible(shared)
        if len(places):
            found = ratio.percent(words[one[places]], words[other[places]])
            percent[places] = np.maximum(percent[places], found)
    return percent


def levels_of(percent: Floats, is_missing: np.ndarray) -> Ints:
    """The level of each likeness."""
    levels = np.full(len(percent), DIFFERENT, dtype=np.int64)
    levels[percent >= ALIKE_FROM] = ALIKE
    levels[percent >= CLOSE_FROM] = CLOSE
    levels[percent >= 100.0] = EQUAL
    levels[is_missing] = MISSING
    return levels


class Texts:
    """One field of both sides: every distinct text once, and which of them each row has."""

    def __init__(self, name: str, left: pl.Series, right: pl.Series) -> None:
        self._is_code = name in CODES
        self._known = np.zeros(0, dtype=np.int64)
        self._percent = np.zeros(0)
        told = normalised_codes if self._is_code else normalised
        words = pl.concat([told(left), told(right)])
        self.words = words.unique().sort()
        self._is_empty = (self.words == "").to_numpy()
        self._letters = Letters(self.words)
        codes = words.to_frame("words").join(
            pl.DataFrame({"words": self.words}).with_row_index("code"),
            on="words",
            how="left",
            maintain_order="left",
        )["code"]
        numbers = codes.to_numpy().astype(np.int64)
        self.left, self.right = numbers[: len(left)], numbers[len(left) :]

    def compared(self, left_rows: Ints, right_rows: Ints) -> tuple[Ints, Floats]:
        """Level and likeness of each pair of rows; each two texts are compared once."""
        return self.compared_codes(self.left[left_rows], self.right[right_rows])

    def compared_codes(self, left: Ints, right: Ints) -> tuple[Ints, Floats]:
        """The same for pairs of texts, given by their place in ``words``."""
        size = len(self.words)
        pairs = left * size + right
        distinct, positions = np.unique(pairs, return_inverse=True)
        one, other = np.divmod(distinct, max(size, 1))
        is_missing = self._is_empty[one] | self._is_empty[other]
        percent = np.where(one == other, 100.0, 0.0)
        differing = np.flatnonzero((one != other) & ~is_missing)
        percent[differing] = self._likeness(distinct[differing])
        return levels_of(percent, is_missing)[positions], percent[positions]

    def _likeness(self, pairs: Ints) -> Floats:
        """How alike each of these pairs of texts is; what was asked before is remembered."""
        at = np.searchsorted(self._known, pairs)
        at = np.minimum(at, max(len(self._known) - 1, 0))
        is_new = np.ones(len(pairs), dtype=np.bool_)
        if len(self._known):
            is_new = self._known[at] != pairs
        percent = np.zeros(len(pairs))
        percent[~is_new] = self._percent[at[~is_new]]
        one, other = np.divmod(pairs[is_new], len(self.words))
        percent[is_new] = likeness(self.words, self._letters, one, other, is_code=self._is_code)
        if is_new.any():
            everything = np.append(self._known, pairs[is_new])
            order = np.argsort(everything)
            self._known = everything[order]
            self._percent = np.append(self._percent, percent[is_new])[order]
        return percent
