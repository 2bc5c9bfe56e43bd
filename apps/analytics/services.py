"""Score a period's journal entries, and decide about those that stand out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import polars as pl
from django.db import transaction
from django.utils import timezone

from apps.analytics.errors import (
    CommentInvalid,
    CommentMissing,
    DispositionUnknown,
    NothingPosted,
    OwnEntry,
    ParametersRefused,
    ScoringSuperseded,
)
from apps.analytics.locks import period_for_scoring, review_for_update
from apps.analytics.measures import (
    VERSIONS,
    Parameters,
    ParametersInvalid,
    Scores,
    score_entries,
)
from apps.analytics.models import AnomalyReview, AnomalyScore, ScoringRun
from apps.analytics.permissions import REVIEW_ANOMALY, SCORE_PERIOD
from apps.analytics.selectors import latest_scoring, took_part
from apps.analytics.states import Disposition
from apps.audit.services import canonical_bytes, record
from apps.common.access import authorize
from apps.common.money import exponent
from apps.common.transitions import require_version
from apps.identity.models import User
from apps.ledger.models import Period
from apps.ledger.selectors import lines_frame

# What a controller calibrates; the rest of the parameters changes with the version of a measure.
NUMBERS: Final = ("flag_threshold", "forest_contamination", "robust_threshold", "z_threshold")
WORD_LISTS: Final = ("deciding", "unattended_sources")
ADJUSTABLE: Final = (*NUMBERS, *WORD_LISTS)
LONGEST_COMMENT: Final = 4_000
_MOST = Decimal(1_000)
_MOST_WORDS = 100
_LONG_AGO = date(1, 1, 1)
_ONE_HUNDRED_THOUSANDTH = Decimal("0.00001")


@transaction.atomic
def score_period(
    *, period_id: int, actor: User, parameters: Mapping[str, Any] | None = None
) -> ScoringRun:
    """Score the posted entries of a period against everything posted before it.

    The same lines under the same parameters are scored once: the newest run is returned if it is
    theirs. What people decided about an anomaly that is found again for the same reasons is
    taken over.

    Args:
        parameters: those of `ADJUSTABLE` that differ from the usual ones: numbers (or text of
            them), lists of words for `WORD_LISTS`.

    Raises:
        NotVisible, NotPermitted: not this actor.
        NothingPosted: the period has no lines.
        ParametersRefused: names the parameter at fault.
    """
    period = period_for_scoring(period_id, actor=actor)
    authorize(actor, SCORE_PERIOD, entity_id=period.entity_id)
    used = _read_parameters(parameters or {})
    lines, before = _population(period)
    if lines.is_empty():
        raise NothingPosted
    used = dataclasses.replace(used, currency_exponents=_exponents(lines, before))
    digest = _input_digest(used, lines, before)
    former = latest_scoring(period.pk)
    if former is not None and former.input_digest == digest:
        return former
    scores = score_entries(lines, before, used)
    run = ScoringRun.objects.create(
        entity_id=period.entity_id,
        period=period,
        parameters=used.as_json(),
        versions=dict(VERSIONS),
        input_digest=digest,
        line_count=lines.height,
        history_count=before.height,
        entry_count=scores.entries.height,
        flagged_count=int(scores.entries["is_flagged"].sum()),
        unscored=scores.unscored.to_dicts(),
        scored_by=actor,
    )
    taken_over = _take_over(former, _store(run, scores), actor)
    record(
        actor=actor,
        action="analytics.period.score",
        subject=run,
        entries=run.entry_count,
        flagged=run.flagged_count,
        taken_over=taken_over,
        input_digest=digest,
    )
    return run


@transaction.atomic
def review_anomaly(
    *,
    score_id: int,
    disposition: str,
    comment: str,
    actor: User,
    expected_version: int | None = None,
) -> AnomalyReview:
    """Decide about an entry that stands out; may be decided again, all of it stays on record.

    Args:
        expected_version: of the review that the actor saw; 1 where there was none.

    Raises:
        NotVisible, NotPermitted, OwnEntry: not this actor.
        ScoringSuperseded: the period was scored again since.
        StaleVersion: somebody was quicker.
        DispositionUnknown, CommentMissing, CommentInvalid: the decision is not complete.
    """
    review = review_for_update(score_id, actor=actor)
    run = review.score.run
    authorize(actor, REVIEW_ANOMALY, entity_id=run.entity_id)
    if took_part(review.score.entry, actor):
        raise OwnEntry
    newest = latest_scoring(run.period_id)
    if newest is None or newest.pk != run.pk:
        raise ScoringSuperseded
    require_version(review, expected_version)
    if disposition not in set(Disposition.values) - {Disposition.OPEN}:
        raise DispositionUnknown(field="disposition")
    review.comment = _require_comment(comment)
    review.disposition = disposition
    review.reviewed_by, review.reviewed_at = actor, timezone.now()
    review.version += 1
    review._history_user = actor
    review.save()
    record(
        actor=actor,
        action="analytics.anomaly.review",
        subject=review.score,
        entity_id=run.entity_id,
        disposition=disposition,
        version=review.version,
    )
    return review


def _require_comment(comment: str) -> str:
    text = comment.strip()
    if not text:
        raise CommentMissing(field="comment")
    if len(text) > LONGEST_COMMENT:
        raise CommentInvalid(f"The comment is longer than {LONGEST_COMMENT}.", field="comment")
    if "\x00" in text:
        raise CommentInvalid("The comment has a character that cannot be stored.", field="comment")
    return text


# --- Scoring --------------------------------------------------------------------------------


def _read_parameters(given: Mapping[str, Any]) -> Parameters:
    values: dict[str, Any] = {
        name: _words(name, value) if name in WORD_LISTS else _number(name, value)
        for name, value in given.items()
    }
    try:
        return Parameters.from_json(values)
    except ParametersInvalid as error:
        raise ParametersRefused(str(error), field="parameters") from None


def _words(name: str, value: Any) -> list[str]:
    """A list of measures or sources."""
    if (
        not isinstance(value, list)
        or len(value) > _MOST_WORDS
        or not all(isinstance(word, str) for word in value)
    ):
        raise ParametersRefused(
            f"The parameter {name} is a list of up to {_MOST_WORDS} words.", field="parameters"
        )
    return value


def _number(name: str, value: Any) -> float:
    """A threshold as the measures take it."""
    if name not in ADJUSTABLE:
        raise ParametersRefused(
            f"There is no parameter {name[:50]!r} to set; there are {', '.join(ADJUSTABLE)}.",
            field="parameters",
        )
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or not 0 < number <= _MOST:
        raise ParametersRefused(
            f"The parameter {name} is a number above 0, up to {_MOST:f}.", field="parameters"
        )
    return float(number)


def _population(period: Period) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The period's lines, and those posted before it."""
    posted = lines_frame(entity_id=period.entity_id, starts_on=_LONG_AGO, ends_on=period.ends_on)
    is_current = pl.col("posted_on") >= period.starts_on
    return posted.filter(is_current), posted.filter(~is_current)


def _exponents(lines: pl.DataFrame, before: pl.DataFrame) -> dict[str, int]:
    """The decimals with which reasons write amounts."""
    currencies = {*lines["currency"].unique(), *before["currency"].unique()}
    return {currency: exponent(currency) for currency in sorted(currencies)}


def _input_digest(used: Parameters, lines: pl.DataFrame, before: pl.DataFrame) -> str:
    """Posted lines never change, so their ids stand for their content."""
    digest = hashlib.sha256(canonical_bytes([used.as_json(), dict(VERSIONS)]))
    for frame in (lines, before):
        digest.update(frame["line_id"].sort().to_numpy().tobytes() + b"|")
    return digest.hexdigest()


def _store(run: ScoringRun, scores: Scores) -> list[AnomalyScore]:
    """Keep the flagged entries with what each measure saw."""
    hits = {
        (hit["line_id"], hit["measure"]): {
            "score": round(hit["score"], 6),
            "threshold": hit["threshold"],
            "inputs": json.loads(hit["inputs"]),
        }
        for hit in scores.hits.iter_rows(named=True)
    }
    flagged = scores.entries.filter(pl.col("is_flagged"))
    return AnomalyScore.objects.bulk_create(
        AnomalyScore(
            run=run,
            entry_id=row["entry_id"],
            score=Decimal(row["score"]).quantize(_ONE_HUNDRED_THOUSANDTH),
            reasons=[
                {**reason, **hits.get((reason.get("line_id"), reason["measure"]), {})}
                for reason in json.loads(row["reasons"])
            ],
        )
        for row in flagged.iter_rows(named=True)
    )


def _take_over(former: ScoringRun | None, found: list[AnomalyScore], actor: User) -> int:
    """Repeat what people decided in the scoring before; returns about how many anomalies."""
    if former is None:
        return 0
    decided = {
        review.score.entry_id: review
        for review in AnomalyReview.objects.filter(score__run=former)
        .exclude(disposition=Disposition.OPEN)
        .select_related("score")
    }
    repeated = [
        (score, decided[score.entry_id])
        for score in found
        if score.entry_id in decided and _grounds(score) == _grounds(decided[score.entry_id].score)
    ]
    for score, earlier in repeated:
        review = AnomalyReview(
            score=score,
            disposition=earlier.disposition,
            comment=earlier.comment,
            reviewed_by=earlier.reviewed_by,
            reviewed_at=earlier.reviewed_at,
            taken_over_from=earlier.score,
            version=2,
        )
        review._history_user = actor
        review.save()
    return len(repeated)


def _grounds(score: AnomalyScore) -> frozenset[tuple[Any, str]]:
    """Which measures found which lines."""
    return frozenset((reason.get("line_id"), reason["measure"]) for reason in score.reasons)
