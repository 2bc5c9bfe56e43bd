"""Deciding about an entry that stands out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.analytics import errors
from apps.analytics.models import AnomalyReview, AnomalyScore
from apps.analytics.selectors import open_count, took_part
from apps.analytics.services import review_anomaly, score_period
from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal, StaleVersion

from .stage import post, post_by_hand, sale

SAID: dict[str, Any] = {"disposition": "legitimate", "comment": "A yearly contract."}


def test_a_decision_stands_with_who_when_and_why(odd: AnomalyScore, connie: Any) -> None:
    before = open_count(odd.run)
    review = review_anomaly(score_id=odd.pk, actor=connie, **SAID)
    assert (review.disposition, review.comment) == ("legitimate", "A yearly contract.")
    assert (review.reviewed_by, review.version) == (connie, 2)
    assert review.reviewed_at is not None
    assert open_count(odd.run) == before - 1
    event = Event.objects.get(action="analytics.anomaly.review")
    assert (event.actor, event.subject_id) == (connie, str(odd.pk))
    assert event.entity_id == odd.run.entity_id
    assert event.details == {"disposition": "legitimate", "version": 2}


def test_it_may_be_decided_again_and_all_of_it_stays(odd: AnomalyScore, connie: Any) -> None:
    review_anomaly(score_id=odd.pk, actor=connie, expected_version=1, **SAID)
    review = review_anomaly(
        score_id=odd.pk,
        disposition="corrected",
        comment="  Reversed on 2 May.  ",
        expected_version=2,
        actor=connie,
    )
    assert (review.comment, review.version) == ("Reversed on 2 May.", 3)
    told = [(past.disposition, past.history_user) for past in review.history.order_by("history_id")]
    assert told == [("legitimate", connie), ("corrected", connie)]


REFUSALS = [
    ("no disposition", {"disposition": ""}, errors.DispositionUnknown),
    ("an invented one", {"disposition": "fine"}, errors.DispositionUnknown),
    ("open again", {"disposition": "open"}, errors.DispositionUnknown),
    ("no comment", {"comment": ""}, errors.CommentMissing),
    ("a blank comment", {"comment": " \n "}, errors.CommentMissing),
    ("a NUL character", {"comment": "a\x00b"}, errors.CommentInvalid),
    ("an endless comment", {"comment": "x" * 4_001}, errors.CommentInvalid),
    ("an older version", {"expected_version": 0}, StaleVersion),
    ("a newer version", {"expected_version": 7}, StaleVersion),
]


@pytest.mark.parametrize(("what", "changes", "refusal"), REFUSALS, ids=[r[0] for r in REFUSALS])
def test_refused_decisions_change_nothing(
    odd: AnomalyScore,
    connie: Any,
    what: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    table_counts: Any,
) -> None:
    before = table_counts()
    with pytest.raises(refusal):
        review_anomaly(score_id=odd.pk, actor=connie, **{**SAID, **changes})
    assert table_counts() == before
    assert not AnomalyReview.objects.exists()


def test_a_second_reviewer_who_saw_no_review_is_told(
    odd: AnomalyScore, connie: Any, person: Any, books: Any
) -> None:
    review_anomaly(score_id=odd.pk, actor=connie, expected_version=1, **SAID)
    ruth = person("ruth", "reviewer", on=books)
    with pytest.raises(StaleVersion):
        review_anomaly(
            score_id=odd.pk,
            disposition="escalated",
            comment="Odd.",
            expected_version=1,
            actor=ruth,
        )
    assert AnomalyReview.objects.get().disposition == "legitimate"


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ivy", NotPermitted),
        ("ada", NotPermitted),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_who_may_not_review(
    odd: AnomalyScore, who: str, refusal: type[Refusal], request: Any, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        review_anomaly(score_id=odd.pk, actor=actor, **SAID)
    assert table_counts() == before


# --- Nobody reviews his own entry -----------------------------------------------------------


def _flagged_by_hand(books: Any, writer: Any, system: Any) -> AnomalyScore:
    entry = post_by_hand(books, writer, "64321.00", on=date(2023, 4, 15))
    run = score_period(
        period_id=entry.period_id, actor=system, parameters={"flag_threshold": "0.1"}
    )
    found: AnomalyScore = run.scores.get(entry=entry)
    return found


def test_who_wrote_an_entry_does_not_review_it(
    books: Any, connie: Any, system: Any, person: Any
) -> None:
    anomaly = _flagged_by_hand(books, connie, system)
    with pytest.raises(errors.OwnEntry):
        review_anomaly(score_id=anomaly.pk, actor=connie, **SAID)
    assert not AnomalyReview.objects.exists()
    ruth = person("ruth", "reviewer", on=books)
    assert review_anomaly(score_id=anomaly.pk, actor=ruth, **SAID).reviewed_by == ruth


def test_a_superuser_does_not_review_his_own_entry_either(
    books: Any, connie: Any, system: Any
) -> None:
    with transaction.atomic():
        from apps.audit.services import record

        connie.is_superuser = True
        connie.save(update_fields=["is_superuser"])
        record(actor=system, action="identity.user.promote", subject=connie)
    anomaly = _flagged_by_hand(books, connie, system)
    with pytest.raises(errors.OwnEntry):
        review_anomaly(score_id=anomaly.pk, actor=connie, **SAID)


@pytest.mark.parametrize("name", ["rita", "RITA", "Rita", "Rita Rivers"])
def test_who_prepared_an_entry_in_the_source_does_not_review_it(
    books: Any, rita: Any, system: Any, name: str
) -> None:
    rita.last_name = "Rivers" if " " in name else ""
    post(books, [sale("hers", date(2023, 4, 18), "100.00", preparer=name)], system)
    entry = books_entry("hers")
    assert took_part(entry, rita)


def test_somebody_else_did_not_take_part(books: Any, rita: Any, connie: Any, system: Any) -> None:
    post(books, [sale("nobody's", date(2023, 4, 18), "100.00", preparer="")], system)
    rita.first_name = ""
    assert not took_part(books_entry("nobody's"), rita), "an empty name is nobody's"
    assert not took_part(books_entry("odd"), connie)


def test_the_odd_sale_was_prepared_by_rita(odd: AnomalyScore, rita: Any) -> None:
    with pytest.raises(errors.OwnEntry):
        review_anomaly(score_id=odd.pk, actor=rita, **SAID)
    assert not AnomalyReview.objects.exists()


def books_entry(external_id: str) -> Any:
    from apps.ledger.models import JournalEntry

    return JournalEntry.objects.get(external_id=external_id)


# --- Older scorings -------------------------------------------------------------------------


def test_an_anomaly_of_an_older_scoring_is_not_reviewed(
    odd: AnomalyScore, books: Any, connie: Any, system: Any
) -> None:
    post(books, [sale("late", date(2023, 4, 20), "100.00")], system)
    score_period(period_id=odd.run.period_id, actor=system)
    with pytest.raises(errors.ScoringSuperseded):
        review_anomaly(score_id=odd.pk, actor=connie, **SAID)
    assert not AnomalyReview.objects.exists()


# --- The database's own refusals ------------------------------------------------------------


def test_scorings_and_scores_are_append_only(odd: AnomalyScore) -> None:
    for row, change in ((odd, {"score": 0}), (odd.run, {"flagged_count": 0})):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**change)
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.filter(pk=row.pk)._raw_delete("default")


@pytest.mark.django_db(transaction=True)
def test_a_review_without_an_event_does_not_commit(odd: AnomalyScore) -> None:
    with pytest.raises(IntegrityError, match="without an audit event"):
        AnomalyReview.objects.create(score=odd)
