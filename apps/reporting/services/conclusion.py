"""What a close came to, in sentences for the cover."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from apps.reconciliation.models import MatchType, Run
from apps.reporting.services.findings import BreakFacts

_FIGURES = "Below: matched items, of all items."
NO_KNOWN_CAUSE = frozenset({"unknown", "ambiguous"})


def conclusion(runs: Sequence[Run], breaks: Sequence[BreakFacts]) -> str:
    """How much was reconciled, what is open, and whether the figures prove themselves.

    Args:
        runs: the live runs of the period, with their match types.
        breaks: what they found.
    """
    if not runs:
        return "No reconciliation of the period was run."
    sentences = (_coverage(runs), _breaks(breaks), _proof(runs), _FIGURES)
    return " ".join(sentences)


def _coverage(runs: Sequence[Run]) -> str:
    done = {run.match_type_id for run in runs}
    others = MatchType.objects.filter(entity=runs[0].entity_id).exclude(pk__in=done)
    missing = list(others.order_by("code").values_list("name", flat=True))
    total = len(done) + len(missing)
    told = f"{len(done)} of {total} reconciliations of the period were run"
    return f"{told}; not run: {', '.join(missing)}." if missing else f"{told}."


def _breaks(breaks: Sequence[BreakFacts]) -> str:
    if not breaks:
        return "They left no break."
    unknown = sum(found.line.cause in NO_KNOWN_CAUSE for found in breaks)
    causes = f"{unknown:,} of them have no known cause" if unknown else "each has its cause"
    awaited = sum(found.is_awaited for found in breaks)
    still_open = sum(found.line.is_open for found in breaks)
    parts = [
        causes,
        f"{awaited:,} are awaited in the next days" if awaited else "",
        f"{still_open:,} are not explained by anybody" if still_open else "none is unexplained",
    ]
    return f"They left {len(breaks):,} breaks: {', '.join(part for part in parts if part)}."


def _proof(runs: Sequence[Run]) -> str:
    unproved = [run.match_type.name for run in runs if not is_proved(run)]
    if unproved:
        return f"The proof amount is not zero for: {', '.join(unproved)}."
    return "Every proof amount is zero: what is not matched explains the whole difference."


def is_proved(run: Run) -> bool:
    """Whether matched items and breaks explain the difference of the sides to the last digit."""
    return all(Decimal(line["proof_amount"]) == 0 for line in run.proof)
