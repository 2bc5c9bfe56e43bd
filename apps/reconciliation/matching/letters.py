"""How many letters two texts have in common at most: what rules out most pairs of texts at once.

Every ratio that compares letters in order is bounded by the letters that both texts have in
whatever order. These are counted from 128 bits a text, some nanoseconds a pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.schemas import Floats, Ints

_BUCKETS = 32  # letters by their code, modulo: those that share a bucket may count as common
_TIMES = 4  # so many occurrences of a bucket have a bit each; the others are only counted


@dataclass(frozen=True)
class Shared:
    """What pairs of texts have in common, and what ratios of it are therefore at most (0 to 1).

    Attributes:
        common: letters, at least as many as both have in whatever order.
        left, right: the lengths.
        shorter: the smaller length of the two if each word is counted once.
    """

    common: Ints
    left: Ints
    right: Ints
    shorter: Ints

    def of_both(self) -> Floats:
        """Of twice the common letters to both lengths."""
        return 2.0 * self.common / (self.left + self.right)

    def of_shorter(self) -> Floats:
        """Of the same, for the shorter text or words of it and any part of the longer one.

        A part has some letters in common and no fewer in all, so that the ratio is greatest where
        it has just the common ones.
        """
        return 2.0 * self.common / (self.common + self.shorter)

    def of_longer(self) -> Floats:
        """Of the letters that are in place to the longer length: every other one is an error."""
        return self.common / np.maximum(self.left, self.right)


class Letters:
    """The letters of each text, without their order."""

    def __init__(self, texts: pl.Series) -> None:
        self._lengths = _lengths(texts)
        self._of_words = _lengths(texts.str.split(" ").list.unique().list.join(" "))
        codes = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype="<u4")
        places = np.repeat(np.arange(len(texts)) * _BUCKETS, self._lengths) + codes % _BUCKETS
        counts = np.bincount(places, minlength=len(texts) * _BUCKETS).reshape(-1, _BUCKETS)
        layers = np.concatenate([counts > time for time in range(_TIMES)], axis=1)
        self._bits = np.packbits(layers, axis=1).view(np.uint64)
        self._others = np.maximum(counts - _TIMES, 0).sum(axis=1)

    def shared(self, one: Ints, other: Ints) -> Shared:
        """What the texts of each pair share, given by their places; neither is empty."""
        bits = np.bitwise_count(self._bits[one] & self._bits[other]).sum(axis=1, dtype=np.int64)
        return Shared(
            bits + np.minimum(self._others[one], self._others[other]),
            self._lengths[one],
            self._lengths[other],
            np.minimum(self._of_words[one], self._of_words[other]),
        )


def _lengths(texts: pl.Series) -> Ints:
    return texts.str.len_chars().to_numpy().astype(np.int64)
