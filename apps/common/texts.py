"""Two texts side by side: where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

# SequenceMatcher takes quadratic time: beyond this only the common start and end are left unmarked.
LONGEST_ALIGNED_TEXT: Final = 500


@dataclass(frozen=True)
class Differing:
    """Two texts as HTML, the characters that only one of them has inside `<mark>`."""

    left: SafeString
    right: SafeString
    is_equal: bool


def differing(left: str | None, right: str | None) -> Differing:
    """Mark where two texts differ: `{% differing a b as pair %}{{ pair.left }} {{ pair.right }}`.

    None counts as the empty text. Both texts are escaped.
    """
    a, b = left or "", right or ""
    # Each common run as (start in a, start in b, length), between sentinels at both ends.
    runs = [(0, 0, 0), *_common_runs(a, b), (len(a), len(b), 0)]
    return Differing(
        left=_marked(a, [(start, length) for start, _, length in runs]),
        right=_marked(b, [(start, length) for _, start, length in runs]),
        is_equal=a == b,
    )


def _common_runs(a: str, b: str) -> list[tuple[int, int, int]]:
    if max(len(a), len(b)) <= LONGEST_ALIGNED_TEXT:
        blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
        return [(block.a, block.b, block.size) for block in blocks if block.size]
    shorter = min(len(a), len(b))
    start = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    end = next((i for i in range(shorter - start) if a[-1 - i] != b[-1 - i]), shorter - start)
    return [(0, 0, start), (len(a) - end, len(b) - end, end)]


def _marked(text: str, runs: list[tuple[int, int]]) -> SafeString:
    """The text with everything between the runs (start, length) marked."""
    html = SafeString("")
    for (start, length), (following, _) in pairwise([*runs, (len(text), 0)]):
        end = start + length
        html += escape(text[start:end])
        if end < following:
            html += format_html("<mark>{}</mark>", text[end:following])
    return html
