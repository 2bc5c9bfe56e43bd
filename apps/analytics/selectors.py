"""What stands out, and what people made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from apps.analytics.measures import (
    ISOLATION_FOREST,
    ROBUST_Z,
    ROUND_AMOUNT,
    SELDOM_USED_ACCOUNT,
    WEEKEND_POSTING,
    Z_SCORE,
)
from apps.analytics.models import AnomalyScore, ScoringRun
from apps.analytics.permissions import VIEW_ANOMALIES
from apps.analytics.states import Disposition
from apps.common.access import Actor, one_visible
from apps.common.models import ScopedQuerySet
from apps.identity.models import Entity, User
from apps.ledger.models import JournalEntry
from apps.ledger.selectors import editors_of

Reason = Mapping[str, Any]
Cursor = tuple[Decimal, int]

# What people can check by hand comes first; what says much the same as another, last.
_CLEAREST_FIRST: Final = (
    Z_SCORE,
    WEEKEND_POSTING,
    ROUND_AMOUNT,
    SELDOM_USED_ACCOUNT,
    ROBUST_Z,
    ISOLATION_FOREST,
)
UNDECIDED: Final = Q(review=None) | Q(review__disposition=Disposition.OPEN)


def latest_scoring(period_id: int) -> ScoringRun | None:
    """The newest scoring of the period: the one whose anomalies count."""
    run: ScoringRun | None = ScoringRun.objects.filter(period_id=period_id).order_by("-id").first()
    return run


def scorings_for(actor: Actor) -> ScopedQuerySet:
    """Scorings of the entities whose anomalies the actor may view, newest first."""
    return (
        ScoringRun.objects.visible_to(actor)
        .filter(entity_id__in=actor.entity_ids(VIEW_ANOMALIES))
        .select_related("entity", "period", "scored_by")
        .order_by("-id")
    )


def scored_periods(actor: Actor, entity: Entity | None) -> list[str]:
    """Names of the periods that were scored, newest first; of one entity or of all."""
    scorings = scorings_for(actor)
    if entity is not None:
        scorings = scorings.filter(entity=entity)
    names = scorings.order_by("-period__name").values_list("period__name", flat=True)
    return list(names.distinct())


def anomalies_for(actor: Actor) -> ScopedQuerySet:
    """Anomalies of the newest scoring of each period, highest score first.

    Of the entities whose anomalies the actor may view. Each has `disposition`, which is "open" if
    nobody has decided.
    """
    newest = ScoringRun.objects.order_by("period_id", "-id").distinct("period_id").values("pk")
    return (
        AnomalyScore.objects.visible_to(actor)
        .filter(run__in=newest, run__entity_id__in=actor.entity_ids(VIEW_ANOMALIES))
        .select_related("run__period", "run__entity", "entry__period", "review__reviewed_by")
        .annotate(disposition=Coalesce("review__disposition", Value(Disposition.OPEN.value)))
        .order_by("-score", "-id")
    )


def ranked_after(anomalies: ScopedQuerySet, cursor: Cursor) -> ScopedQuerySet:
    """Those that stand out less than (score, id), highest score first."""
    score, key = cursor
    return anomalies.filter(Q(score__lt=score) | Q(score=score, pk__lt=key))


def ranked_before(anomalies: ScopedQuerySet, cursor: Cursor) -> ScopedQuerySet:
    """Those that stand out more than (score, id), lowest score first."""
    score, key = cursor
    above = anomalies.filter(Q(score__gt=score) | Q(score=score, pk__gt=key))
    return above.order_by("score", "pk")


def anomaly_seen_by(actor: Actor, score_id: int) -> AnomalyScore:
    """One anomaly as `anomalies_for` gives it.

    Raises:
        NotVisible: no such anomaly for this actor, or it belongs to an older scoring.
    """
    return one_visible(anomalies_for(actor).filter(pk=score_id))


def anomalies_of(run: ScoringRun) -> ScopedQuerySet:
    """The anomalies of one scoring, highest score first."""
    found: ScopedQuerySet = run.scores.select_related(
        "entry__period", "review__reviewed_by"
    ).order_by("-score", "entry_id")
    return found


def open_count(run: ScoringRun) -> int:
    """Anomalies that nobody has decided about."""
    return int(run.scores.filter(UNDECIDED).count())


@dataclass(frozen=True)
class Grounds:
    """Why an entry stands out, in words: the clearest few, and the others."""

    first: tuple[str, ...]
    further: tuple[str, ...]


def reasons_of(score: AnomalyScore) -> list[Reason]:
    """The reasons, the clearest measure first; before all what is of no measure."""
    return sorted(score.reasons, key=_clarity)


def grounds_of(score: AnomalyScore, *, most: int) -> Grounds:
    """The reasons in words, each told once: up to `most`, each of another measure; the others."""
    reasons = reasons_of(score)
    firsts: dict[str, str] = {}
    for reason in reasons:
        firsts.setdefault(reason["measure"], str(reason["reason"]))
    first = tuple(dict.fromkeys(firsts.values()))[:most]
    words = dict.fromkeys(str(reason["reason"]) for reason in reasons)
    return Grounds(first=first, further=tuple(word for word in words if word not in first))


def _clarity(reason: Reason) -> int:
    measures: Sequence[str] = _CLEAREST_FIRST
    return measures.index(reason["measure"]) if reason["measure"] in measures else -1


def took_part(entry: JournalEntry, person: User) -> bool:
    """Whether the person prepared or edited the entry, here or in the system it came from."""
    named = entry.preparer_name.casefold()
    is_named = named in {person.username.casefold(), person.get_full_name().casefold()}
    return (bool(named) and is_named) or person in editors_of(entry)
