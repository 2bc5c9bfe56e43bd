"""People's say on breaks: one explains, another accepts."""

from __future__ import annotations

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.transitions import advance, require_version
from apps.identity.models import User
from apps.reconciliation.errors import CommentMissing, NotExplained, OwnReview
from apps.reconciliation.locks import review_for_update
from apps.reconciliation.models import Break, BreakReview, Correction
from apps.reconciliation.permissions import ACCEPT_BREAK, EXPLAIN_BREAK
from apps.reconciliation.services.standing import require_standing
from apps.reconciliation.states import REVIEW_MOVES, ReviewStatus


@transaction.atomic
def explain_break(
    *, break_id: int, comment: str, actor: User, expected_version: int | None = None
) -> BreakReview:
    """Say why a break is there and what becomes of it; takes the place of an earlier explanation.

    Args:
        expected_version: the version that the actor saw; 1 for a break nobody has looked at.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunSuperseded: the break belongs to a run that no longer stands.
        StaleVersion: somebody was quicker.
        CommentMissing: nothing said.
        IllegalMove: it is accepted already.
    """
    review = _review(break_id, EXPLAIN_BREAK, expected_version, actor)
    words = _require_words(comment)
    advance(review, to=ReviewStatus.EXPLAINED, moves=REVIEW_MOVES)
    review.explained_by, review.comment = actor, words
    return _saved(review, "reconciliation.break.explain", actor)


@transaction.atomic
def accept_break(
    *, break_id: int, comment: str, actor: User, expected_version: int | None = None
) -> BreakReview:
    """Accept a break as it is explained; an immaterial one also with a word of one's own.

    Args:
        comment: may be empty where the break is explained; otherwise it takes its place.

    Raises:
        NotVisible, NotPermitted, OwnReview: not this actor.
        RunSuperseded: the break belongs to a run that no longer stands.
        StaleVersion: somebody was quicker.
        NotExplained: it is material, and nobody has explained it.
        CommentMissing: neither explained nor commented.
        IllegalMove: it is accepted already.
    """
    review = _review(break_id, ACCEPT_BREAK, expected_version, actor)
    if review.explained_by_id == actor.pk:
        raise OwnReview
    if review.broken.is_material and _gave_its_cause(review.broken, actor):
        raise OwnReview("You gave this break its cause, so somebody else has to accept it.")
    if review.status == ReviewStatus.OPEN:
        if review.broken.is_material:
            raise NotExplained
        review.comment = _require_words(comment)
    advance(review, to=ReviewStatus.ACCEPTED, moves=REVIEW_MOVES)
    review.accepted_by = actor
    review.comment = comment.strip() or review.comment
    return _saved(review, "reconciliation.break.accept", actor)


def _gave_its_cause(broken: Break, actor: User) -> bool:
    """Whether the explanation, if there is one, was given for a cause that the actor replaced."""
    return Correction.objects.filter(successor=broken, corrected_by=actor).exists()


@transaction.atomic
def reopen_break(
    *, break_id: int, comment: str, actor: User, expected_version: int | None = None
) -> BreakReview:
    """Take an explanation or acceptance back, with the reason.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunSuperseded: the break belongs to a run that no longer stands.
        StaleVersion: somebody was quicker.
        CommentMissing: no reason.
        IllegalMove: it is open.
    """
    review = _review(break_id, ACCEPT_BREAK, expected_version, actor)
    words = _require_words(comment)
    advance(review, to=ReviewStatus.OPEN, moves=REVIEW_MOVES)
    review.explained_by = review.accepted_by = None
    review.comment = words
    return _saved(review, "reconciliation.break.reopen", actor)


def _review(
    break_id: int, permission: str, expected_version: int | None, actor: User
) -> BreakReview:
    review = review_for_update(break_id, actor=actor)
    authorize(actor, permission, entity_id=review.broken.run.entity_id)
    require_standing(review.broken.run)
    require_version(review, expected_version)
    return review


def _require_words(comment: str) -> str:
    words = comment.strip()
    if not words:
        raise CommentMissing(field="comment")
    return words


def _saved(review: BreakReview, action: str, actor: User) -> BreakReview:
    review.version += 1
    review.save()
    record(
        actor=actor,
        action=action,
        subject=review.broken,
        entity_id=review.broken.run.entity_id,
        status=review.status,
    )
    return review
