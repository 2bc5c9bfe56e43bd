"""Appendices: machine data, long lists, and how to read the document."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable, PageBreak

from ..content import DataSource, ExceptionLine
from ..tables import Column
from .blocks import counted, digests, facts, heading, ledger, listing, prose, subheading
from .findings import exception_list

_PARAMETER_COLUMNS = (Column("Parameter", 150), Column("Value", 349))

CONVENTIONS = (
    (
        "Amounts",
        "Debits and receipts are positive, credits and payments carry a minus sign (−). Thousands "
        "are separated by commas, decimals by a point, with as many decimals as the currency has "
        "(ISO 4217). Nothing is rounded here that is not rounded in the ledger.",
    ),
    (
        "Dates and times",
        "Dates are those of the entity, written as 2 May 2023. Points in time are given in UTC.",
    ),
    (
        "Characters",
        "Characters that this document's typefaces cannot show faithfully (control and invisible "
        "characters, emoji, scripts that run right to left) are written as Unicode code points, "
        "for example \N{RIGHT-TO-LEFT OVERRIDE}. The attached files hold the exact text.",
    ),
    ("Digests", "SHA-256, hexadecimal. A text's digest is that of its UTF-8 bytes."),
    ("Typefaces", "DejaVu 2.37, embedded."),
)


def queries_appendix(letter: str, sources: Sequence[DataSource]) -> list[Flowable]:
    """Query texts and parameters, word for word."""
    story: list[Flowable] = [PageBreak(), *heading(letter, "Queries and parameters")]
    for number, source in enumerate(sources, start=1):
        story += subheading(f"{letter}.{number}", source.report)
        story += digests([("Query SHA-256", source.query_sha256)])
        if source.parameters:
            story += ledger(_PARAMETER_COLUMNS, source.parameters)
        story += listing(source.query_text)
    return story


def exceptions_appendix(letter: str, lines: Sequence[ExceptionLine]) -> list[Flowable]:
    """The whole list of exceptions."""
    return [
        PageBreak(),
        *heading(letter, "All exceptions"),
        *prose(f"{counted(len(lines), 'exception', 'exceptions')}, in the order of the records."),
        *exception_list(lines),
    ]


def proofs_appendix(letter: str, proofs: Sequence[tuple[str, tuple[str, ...]]]) -> list[Flowable]:
    """Inclusion proofs (RFC 9162), leaf to root."""
    return [
        *heading(letter, "Inclusion proofs"),
        *prose("Sibling digests from the event's leaf up to the log's root (RFC 9162, 2.1.3)."),
        *digests((subject, "\n".join(path)) for subject, path in proofs),
    ]


def conventions_appendix(letter: str) -> list[Flowable]:
    """How figures, dates and characters are written."""
    return [*heading(letter, "How to read this document"), *facts(CONVENTIONS)]
