"""Account analyses: what is said, what is signed, what is approved, and when it no longer holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.errors import SubjectOvertaken
from apps.approvals.models import Request, Use
from apps.approvals.services import decide, define_policy, revoke
from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, StaleVersion
from apps.ledger.errors import (
    AccountUnknown,
    AnalysisItemInvalid,
    ExplanationMissing,
    ExposureUnknown,
    FiguresMoved,
    NothingToAnalyse,
    NotThePreparer,
    ReasonMissing,
    SupportMissing,
    TextInvalid,
    ThresholdInvalid,
)
from apps.ledger.models import AccountAnalysis, AnalysisItem, AnalysisVersion
from apps.ledger.registry import Support, supports_offered
from apps.ledger.selectors import (
    Analysed,
    Thresholds,
    analysed,
    analysis_hash,
    analysis_seen_by,
    coverage_of,
    explained_by,
    thresholds_of,
    trial_balance,
    versions_of,
)
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    define_account,
    post_entry,
    prepare_analysis,
    set_threshold,
    settle_analysis,
    submit_analysis,
    withdraw_analysis,
)

from .conftest import give_verdict, pair

MARCH = date(2023, 3, 20)
RENT = ItemDraft("Rent of April, not yet paid out", Decimal("100.00"), "INV-7", date(2023, 4, 3))


@pytest.fixture
def analysis_policy(entity: Any, connie: Any) -> Any:
    """Account analyses of 1.00 EUR and more need one reviewer."""
    return define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        currency="EUR",
        least_amount=Decimal("1.00"),
        actor=connie,
    )


@pytest.fixture
def post(draft: Any, alice: Any) -> Callable[..., Any]:
    """Post an entry: 100.00 from revenue to the bank unless said otherwise."""

    def posted(amount: str = "100.00", **changes: Any) -> Any:
        return post_entry(entry_id=draft(amount, **changes).pk, actor=alice)

    return posted


@pytest.fixture
def prepare(period: Any, post: Any, alice: Any) -> Callable[..., AccountAnalysis]:
    """Alice says what the bank's 100.00 of April consist of."""
    post()

    def prepared(*items: ItemDraft, **changes: Any) -> AccountAnalysis:
        words = {
            name: changes.pop(name)
            for name in ("difference_explanation", "change_explanation")
            if name in changes
        }
        facts = {
            "period_id": period("2023-04").pk,
            "account": "1000",
            "content": AnalysisDraft(items=items or (RENT,), **words),
            "actor": alice,
        }
        return prepare_analysis(**{**facts, **changes})

    return prepared


def submitted(analysis: AccountAnalysis, actor: Any) -> AccountAnalysis:
    return submit_analysis(analysis_id=analysis.pk, actor=actor)


def settle(analysis: AccountAnalysis) -> AccountAnalysis:
    """What the task does after the decision."""
    settle_analysis(request_id=Request.objects.latest("id").pk)
    analysis.refresh_from_db()
    return analysis


# --- Preparing ------------------------------------------------------------------------------


def test_a_version_keeps_the_figures_of_the_ledger_and_what_explains_them(
    prepare: Any, post: Any, alice: Any
) -> None:
    post("30.00", posted_on=MARCH)
    post("5.00", lines=pair("5.00", "5000", "1000"))
    analysis = prepare(RENT, ItemDraft("Balance of March", Decimal("30.00"), "Statement 3"))
    found = analysed(analysis)
    version = found.version
    assert (analysis.status, analysis.version, version.prepared_by) == ("draft", 1, alice)
    assert (version.opening, version.debit, version.credit) == (30, 100, 5)
    assert (version.closing, version.change) == (125, 95)
    assert (found.explained, found.unexplained, found.state) == (130, -5, "draft")
    assert [(item.number, item.amount, item.reference) for item in found.items] == [
        (1, Decimal("100.00"), "INV-7"),
        (2, Decimal("30.00"), "Statement 3"),
    ]
    event = Event.objects.latest("id")
    assert (event.action, event.entity_id) == ("ledger.analysis.prepare", analysis.entity_id)
    assert event.details == {
        "period": "2023-04",
        "account": "1000",
        "currency": "EUR",
        "version": 1,
        "closing": "125.00",
        "items": 2,
    }


def test_another_version_takes_the_place_of_the_one_before_which_stays(
    prepare: Any, connie: Any
) -> None:
    first = prepare()
    second = prepare(replace(RENT, description="Rent"), expected_version=1, actor=connie)
    assert (second.pk, second.version, second.status) == (first.pk, 2, "draft")
    assert [item.description for item in analysed(second).items] == ["Rent"]
    assert analysed(second, 1).items[0].description == RENT.description
    assert analysis_seen_by(connie, first.pk) == second
    assert [version.number for version in versions_of(second)] == [2, 1]
    with pytest.raises(NotVisible):
        analysed(second, 3)


@pytest.mark.parametrize(
    ("changes", "refusal", "field"),
    [
        ({"actor": "rita"}, NotPermitted, ""),
        ({"actor": "bob"}, NotPermitted, ""),
        ({"actor": "otto"}, NotPermitted, ""),
        ({"actor": "ivy"}, NotPermitted, ""),
        ({"actor": "charlie"}, NotVisible, ""),
        ({"actor": "victor"}, NotVisible, ""),
        ({"period_id": 987654321}, NotVisible, ""),
        ({"account": "9999"}, AccountUnknown, "account"),
        ({"account": "1100"}, NothingToAnalyse, "account"),
        ({"currency": "USD"}, NothingToAnalyse, "account"),
        ({"expected_version": 1}, StaleVersion, ""),
        ({"expected_closing": Decimal("99.99")}, FiguresMoved, ""),
    ],
)
def test_refused_preparations_change_nothing(
    request: pytest.FixtureRequest,
    prepare: Any,
    table_counts: Any,
    changes: dict[str, Any],
    refusal: type[Exception],
    field: str,
) -> None:
    if who := changes.get("actor"):
        changes = {**changes, "actor": request.getfixturevalue(who)}
    before = table_counts()
    with pytest.raises(refusal) as refused:
        prepare(**changes)
    assert (getattr(refused.value, "field", ""), table_counts()) == (field, before)


@pytest.mark.parametrize(
    ("changes", "refusal", "field"),
    [
        ({"description": " "}, AnalysisItemInvalid, "description"),
        ({"description": "x" * 301}, TextInvalid, "description"),
        ({"description": "a\x00b"}, TextInvalid, "description"),
        ({"amount": Decimal(0)}, AnalysisItemInvalid, "amount"),
        ({"amount": Decimal("1e16")}, AnalysisItemInvalid, "amount"),
        ({"amount": Decimal("0.001")}, Invalid, "amount"),
        ({"amount": Decimal("NaN")}, Invalid, "amount"),
        ({"reference": "x" * 141}, TextInvalid, "reference"),
        ({"support_type": "paper", "support_id": "9"}, SupportMissing, "support"),
        ({"support_type": "dreams", "support_id": "1"}, SupportMissing, "support"),
        ({"support_id": "1"}, SupportMissing, "support"),
    ],
)
def test_a_refused_item_is_named_and_nothing_changes(
    prepare: Any,
    papers: Any,
    table_counts: Any,
    changes: dict[str, Any],
    refusal: type[Exception],
    field: str,
) -> None:
    before = table_counts()
    with pytest.raises(refusal, match=r"^Item 2: ") as refused:
        prepare(RENT, replace(RENT, **changes))
    told: Any = refused.value
    assert (told.field, told.details["item"], table_counts()) == (field, 2, before)


@pytest.mark.parametrize("name", ["difference_explanation", "change_explanation"])
def test_words_that_cannot_be_kept_are_refused(prepare: Any, table_counts: Any, name: str) -> None:
    before = table_counts()
    with pytest.raises(TextInvalid):
        prepare(**{name: "x" * 2001})
    assert table_counts() == before


def test_there_is_an_end_to_items(prepare: Any, table_counts: Any) -> None:
    before = table_counts()
    with pytest.raises(AnalysisItemInvalid, match="at most 500"):
        prepare(*[RENT] * 501)
    assert table_counts() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_analysisversion SET opening = 0",
        "DELETE FROM ledger_analysisitem",
        "UPDATE ledger_analysisitem SET amount = 1",
    ],
)
def test_the_database_keeps_what_was_said(prepare: Any, change: str) -> None:
    prepare()
    with connection.cursor() as cursor, pytest.raises(DatabaseError):
        cursor.execute(change)


# --- Signing --------------------------------------------------------------------------------


def test_without_a_policy_a_signature_is_enough_and_says_so(prepare: Any, alice: Any) -> None:
    analysis = submitted(prepare(), alice)
    assert (analysis.status, Request.objects.exists()) == ("signed", False)
    details = Event.objects.latest("id").details
    assert details == {
        "version": 1,
        "content_hash": analysis_hash(analysed(analysis)),
        "unexplained": "0.00",
        "request": None,
    }


def test_a_policy_asks_for_an_approval_of_exactly_this(
    prepare: Any, analysis_policy: Any, alice: Any, connie: Any
) -> None:
    prepare(actor=connie)
    analysis = submitted(prepare(), alice)
    request = Request.objects.get()
    assert analysis.status == "submitted"
    assert request.subject_hash == analysis_hash(analysed(analysis))
    assert (request.item_type, request.maker) == ("account_analysis", alice)
    assert (request.amount, request.currency) == (100, "EUR")
    assert request.title == "Account analysis: 2023-04 1000 Bank"
    assert request.url == f"/analyses/{analysis.pk}/"
    assert {conflict.user for conflict in request.conflicts.all()} == {connie}


def test_the_exposure_is_the_balance_without_its_sign(
    prepare: Any, analysis_policy: Any, alice: Any
) -> None:
    item = ItemDraft("Sales of April", Decimal("-100.00"))
    submitted(prepare(item, account="4000"), alice)
    assert Request.objects.get().amount == 100


@pytest.mark.parametrize(
    ("who", "options", "refusal"),
    [
        ("rita", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("ivy", {}, NotPermitted),
        ("connie", {}, NotThePreparer),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("alice", {"expected_version": 2}, StaleVersion),
    ],
)
def test_refused_signatures_change_nothing(
    request: pytest.FixtureRequest,
    prepare: Any,
    analysis_policy: Any,
    table_counts: Any,
    who: str,
    options: dict[str, Any],
    refusal: type[Exception],
) -> None:
    analysis, actor = prepare(), request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        submit_analysis(analysis_id=analysis.pk, actor=actor, **options)
    analysis.refresh_from_db()
    assert (table_counts(), analysis.status) == (before, "draft")


def test_what_was_signed_is_not_signed_again(prepare: Any, alice: Any) -> None:
    analysis = submitted(prepare(), alice)
    with pytest.raises(IllegalMove):
        submitted(analysis, alice)


def test_a_posting_after_preparing_stops_the_signature(
    prepare: Any, post: Any, alice: Any, table_counts: Any
) -> None:
    analysis = prepare()
    post("1.00")
    before = table_counts()
    with pytest.raises(FiguresMoved):
        submitted(analysis, alice)
    assert table_counts() == before
    assert analysed(analysis).has_moved


def test_limits_in_other_currencies_are_no_leave(
    prepare: Any, analysis_policy: Any, post: Any, alice: Any, table_counts: Any
) -> None:
    lines = [replace(line, currency="USD") for line in pair("7.00")]
    post(lines=lines)
    analysis = prepare(replace(RENT, amount=Decimal("7.00")), currency="USD")
    before = table_counts()
    with pytest.raises(ExposureUnknown, match="none in USD"):
        submitted(analysis, alice)
    assert table_counts() == before


def test_a_balance_that_no_request_can_hold_is_refused(prepare: Any, post: Any, alice: Any) -> None:
    post("9999999999999999.00")
    most = replace(RENT, amount=Decimal("9999999999999999.00"))
    analysis = prepare(most, RENT)
    assert analysed(analysis).unexplained == 0
    with pytest.raises(ExposureUnknown, match="too large"):
        submitted(analysis, alice)


# --- Thresholds -----------------------------------------------------------------------------


def test_whatever_is_left_unexplained_needs_words_unless_a_threshold_says_otherwise(
    prepare: Any, account: Any, alice: Any, connie: Any, table_counts: Any
) -> None:
    short = replace(RENT, amount=Decimal("99.99"))
    analysis = prepare(short)
    before = table_counts()
    with pytest.raises(ExplanationMissing, match=r"0\.01 EUR is left") as refused:
        submitted(analysis, alice)
    assert (refused.value.field, table_counts()) == ("difference_explanation", before)
    assert submitted(prepare(short, difference_explanation="A cent"), alice).status == "signed"

    analysis = prepare(short, difference_explanation=" ")
    set_threshold(
        account_id=account("1000").pk, currency="EUR", difference=Decimal("0.01"), actor=connie
    )
    assert submitted(analysis, alice).status == "signed"
    analysis = prepare(replace(RENT, amount=Decimal("100.02")))
    with pytest.raises(ExplanationMissing):
        submitted(analysis, alice)


def test_a_change_above_its_threshold_needs_words(
    prepare: Any, account: Any, alice: Any, connie: Any
) -> None:
    facts = {"account_id": account("1000").pk, "currency": "EUR", "difference": Decimal(0)}
    set_threshold(**facts, change=Decimal("99.99"), actor=connie)
    with pytest.raises(ExplanationMissing, match=r"moved by 100\.00 EUR") as refused:
        submitted(prepare(), alice)
    assert refused.value.field == "change_explanation"
    assert submitted(prepare(change_explanation="First sales"), alice).status == "signed"
    set_threshold(**facts, change=Decimal("100.00"), actor=connie)
    assert submitted(prepare(), alice).status == "signed"
    assert thresholds_of(account("1000"), "EUR").change == 100
    assert Event.objects.filter(action="ledger.threshold.set").latest("id").details == {
        "account": "1000",
        "currency": "EUR",
        "difference": "0.00",
        "change": "100.00",
    }


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("rita", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("connie", {"difference": Decimal("-0.01")}, ThresholdInvalid),
        ("connie", {"change": Decimal("-0.01")}, ThresholdInvalid),
        ("connie", {"difference": Decimal("1e16")}, ThresholdInvalid),
        ("connie", {"difference": Decimal("0.001")}, Invalid),
        ("connie", {"currency": "XYZ"}, Invalid),
    ],
)
def test_refused_thresholds_change_nothing(
    request: pytest.FixtureRequest,
    account: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Exception],
) -> None:
    actor, account_id = request.getfixturevalue(who), account("1000").pk
    facts = {"currency": "EUR", "difference": Decimal("1.00"), **changes}
    before = table_counts()
    with pytest.raises(refusal):
        set_threshold(account_id=account_id, actor=actor, **facts)
    assert table_counts() == before


# --- Approval -------------------------------------------------------------------------------


def test_an_approval_counts_and_is_taken(
    prepare: Any, analysis_policy: Any, alice: Any, rita: Any
) -> None:
    analysis = submitted(prepare(), alice)
    request = Request.objects.get()
    give_verdict(request, rita)
    assert settle(analysis).status == "approved"
    assert Use.objects.get().request == request
    assert analysed(analysis).state == "approved"
    assert Event.objects.latest("id").details == {
        "version": 1,
        "content_hash": request.subject_hash,
        "request": request.pk,
    }
    assert settle_analysis(request_id=request.pk) is None


def test_nothing_is_settled_before_the_decision(
    prepare: Any, analysis_policy: Any, alice: Any, table_counts: Any
) -> None:
    analysis = submitted(prepare(), alice)
    before = table_counts()
    assert settle(analysis).status == "submitted"
    assert table_counts() == before


def test_nobody_who_prepared_a_version_approves_it(
    prepare: Any, analysis_policy: Any, person: Any, entity: Any, rita: Any, table_counts: Any
) -> None:
    both = person("berta", "preparer", "reviewer", on=entity)
    other = person("carl", "preparer", "reviewer", on=entity)
    prepare(actor=other)
    analysis = submitted(prepare(actor=both), both)
    before = table_counts()
    for actor in (both, other):
        with pytest.raises(NotPermitted):
            give_verdict(Request.objects.get(), actor)
    assert table_counts() == before
    give_verdict(Request.objects.get(), rita)
    assert settle(analysis).status == "approved"


@pytest.mark.parametrize("verdict", ["reject", "return"])
def test_what_is_returned_needs_a_new_version(
    prepare: Any, analysis_policy: Any, alice: Any, rita: Any, verdict: str
) -> None:
    analysis = submitted(prepare(), alice)
    give_verdict(Request.objects.get(), rita, verdict)
    assert settle(analysis).status == "returned"
    with pytest.raises(IllegalMove):
        submitted(analysis, alice)
    assert submitted(prepare(), alice).status == "submitted"


def test_a_revoked_approval_gives_it_back(
    prepare: Any, analysis_policy: Any, alice: Any, rita: Any
) -> None:
    analysis = submitted(prepare(), alice)
    give_verdict(Request.objects.get(), rita)
    revoke(request_id=Request.objects.get().pk, reason="Too soon", actor=rita)
    assert settle(analysis).status == "draft"
    assert submitted(analysis, alice).status == "submitted"


def test_a_posting_after_the_approval_outdates_it_and_a_new_version_starts_anew(
    prepare: Any, analysis_policy: Any, post: Any, alice: Any, rita: Any
) -> None:
    analysis = submitted(prepare(), alice)
    give_verdict(Request.objects.get(), rita)
    settle(analysis)
    post("1.00")
    found = analysed(analysis)
    assert (found.state, analysis.status) == ("outdated", "approved")
    assert found.now is not None
    assert (found.version.closing, found.now.closing) == (100, 101)
    analysis = submitted(prepare(replace(RENT, amount=Decimal("101.00"))), alice)
    assert analysed(analysis).state == "submitted"
    assert list(Request.objects.order_by("id").values_list("status", flat=True)) == [
        "superseded",
        "pending",
    ]


@pytest.mark.parametrize("how", [{"posted_on": MARCH}, {}])
def test_what_the_ledger_has_overtaken_is_not_approved_but_returned(
    prepare: Any,
    analysis_policy: Any,
    post: Any,
    alice: Any,
    rita: Any,
    how: dict[str, Any],
    table_counts: Any,
) -> None:
    analysis = submitted(prepare(), alice)
    request = Request.objects.get()
    post("1.00", **how)
    assert analysed(analysis).state == "outdated"
    before = table_counts()
    with pytest.raises(SubjectOvertaken, match="The ledger says something else"):
        give_verdict(request, rita)
    assert table_counts() == before
    give_verdict(request, rita, "return")
    assert settle(analysis).status == "returned"


@pytest.mark.parametrize("how", [{"posted_on": MARCH}, {}])
def test_an_approval_does_not_hold_for_what_was_posted_before_it_was_taken(
    prepare: Any, analysis_policy: Any, post: Any, alice: Any, rita: Any, how: dict[str, Any]
) -> None:
    analysis = submitted(prepare(), alice)
    give_verdict(Request.objects.get(), rita)
    post("1.00", **how)
    assert settle(analysis).status == "draft"
    assert Request.objects.get().status == "superseded"
    assert not Use.objects.exists()
    assert Event.objects.latest("id").action == "ledger.analysis.outdate"
    with pytest.raises(FiguresMoved):
        submitted(analysis, alice)


def test_postings_elsewhere_do_not_outdate_it(
    prepare: Any, post: Any, alice: Any, account: Any
) -> None:
    analysis = submitted(prepare(), alice)
    post("1.00", lines=pair("1.00", "1100", "4000"))
    post("1.00", lines=[replace(line, currency="USD") for line in pair("1.00")])
    assert analysed(analysis).state == "signed"


def test_a_new_version_ends_the_request_of_the_one_that_waits(
    prepare: Any, analysis_policy: Any, alice: Any, connie: Any
) -> None:
    submitted(prepare(), alice)
    analysis = prepare(actor=connie)
    assert (analysis.status, Request.objects.get().status) == ("draft", "superseded")
    assert settle(analysis).status == "draft"


def test_what_waits_is_taken_back_and_can_be_signed_again(
    prepare: Any, analysis_policy: Any, alice: Any
) -> None:
    analysis = submitted(prepare(), alice)
    withdraw_analysis(analysis_id=analysis.pk, reason="One item more", actor=alice)
    analysis.refresh_from_db()
    assert (analysis.status, Request.objects.get().status) == ("draft", "withdrawn")
    assert settle(analysis).status == "draft"
    assert submitted(analysis, alice).status == "submitted"


@pytest.mark.parametrize(
    ("who", "reason", "refusal"),
    [
        ("alice", " ", ReasonMissing),
        ("connie", "no", NotThePreparer),
        ("rita", "no", NotPermitted),
        ("charlie", "no", NotVisible),
    ],
)
def test_refused_withdrawals_change_nothing(
    request: pytest.FixtureRequest,
    prepare: Any,
    analysis_policy: Any,
    alice: Any,
    rita: Any,
    table_counts: Any,
    who: str,
    reason: str,
    refusal: type[Exception],
) -> None:
    analysis, actor = submitted(prepare(), alice), request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        withdraw_analysis(analysis_id=analysis.pk, reason=reason, actor=actor)
    assert (table_counts(), Request.objects.get().status) == (before, "pending")


def test_a_draft_is_not_withdrawn(prepare: Any, alice: Any) -> None:
    with pytest.raises(IllegalMove):
        withdraw_analysis(analysis_id=prepare().pk, reason="no", actor=alice)


def test_an_approval_that_was_given_before_it_was_taken_back_counts_once_it_is_signed_again(
    prepare: Any, analysis_policy: Any, alice: Any, rita: Any
) -> None:
    analysis = submitted(prepare(), alice)
    give_verdict(Request.objects.get(), rita)
    withdraw_analysis(analysis_id=analysis.pk, reason="Wait", actor=alice)
    assert settle(analysis).status == "draft"
    assert submitted(analysis, alice).status == "approved"
    assert Request.objects.get().is_used


def test_an_approval_that_no_longer_holds_leaves_it_waiting_for_people(
    prepare: Any, analysis_policy: Any, alice: Any, rita: Any, monkeypatch: Any
) -> None:
    analysis = submitted(prepare(), alice)
    give_verdict(Request.objects.get(), rita)
    hands = {"ledger.accountanalysis": lambda subject_id: {rita.pk}}
    monkeypatch.setattr("apps.approvals.registry._PARTICIPANTS", hands)
    assert settle(analysis).status == "submitted"
    assert not Use.objects.exists()


def test_the_policy_can_ask_for_evidence(
    prepare: Any, entity: Any, alice: Any, rita: Any, connie: Any, table_counts: Any
) -> None:
    define_policy(
        entity_id=entity.pk,
        item_type="account_analysis",
        stages=[{"role": "reviewer", "count": 1}],
        evidence_kinds=["document"],
        actor=connie,
    )
    submitted(prepare(), alice)
    request, before = Request.objects.get(), table_counts()
    with pytest.raises(Exception, match="document"):
        decide(
            request_id=request.pk,
            verdict="approve",
            comment="Fine",
            attested=True,
            expected_version=request.version,
            actor=rita,
        )
    assert table_counts() == before


# --- Supports -------------------------------------------------------------------------------


@pytest.mark.parametrize("happens", ["changes", "goes"])
def test_an_analysis_falls_with_what_it_rests_on(
    prepare: Any, papers: dict[str, Support], alice: Any, happens: str
) -> None:
    item = replace(RENT, support_type="paper", support_id="1")
    analysis = submitted(prepare(item), alice)
    assert list(supports_offered(analysis.entity_id, MARCH, MARCH)) == [("paper", "1")]
    assert analysed(analysis).state == "signed"
    assert analysed(analysis).items[0].support_digest == "a" * 64
    if happens == "changes":
        papers["1"] = replace(papers["1"], digest="b" * 64)
    else:
        del papers["1"]
    found = analysed(analysis)
    assert (found.state, [one.number for one in found.fallen]) == ("outdated", [1])


def test_what_rests_on_something_fallen_is_not_signed(
    prepare: Any, papers: dict[str, Support], alice: Any
) -> None:
    analysis = prepare(RENT, replace(RENT, support_type="paper", support_id="1"))
    papers.clear()
    with pytest.raises(FiguresMoved, match="rest on stands no more: 2"):
        submitted(analysis, alice)


# --- A period -------------------------------------------------------------------------------


def test_a_period_says_what_is_missing_done_and_outdated(
    prepare: Any, post: Any, period: Any, alice: Any, django_assert_max_num_queries: Any
) -> None:
    april = period("2023-04")
    post("40.00", lines=pair("40.00", "1100", "2000"))
    post("8.00", lines=pair("8.00", "5000", "3000"))
    submitted(prepare(), alice)
    submitted(prepare(ItemDraft("Customers", Decimal("40.00")), account="1100"), alice)
    prepare(ItemDraft("Suppliers", Decimal("-30.00")), account="2000")
    post("2.00", lines=pair("2.00", "1100", "4000"))
    with django_assert_max_num_queries(6):
        coverage = coverage_of(april)
    states = {row.row.account.code: (row.state, row.is_asked) for row in coverage.rows}
    assert states == {
        "1000": ("signed", True),
        "1100": ("outdated", True),
        "2000": ("draft", True),
        "3000": ("missing", True),
        "4000": ("missing", False),
        "5000": ("missing", False),
    }
    assert [row.row.account.code for row in coverage.done] == ["1000"]
    assert [row.row.account.code for row in coverage.left] == ["1100", "2000", "3000"]
    assert [coverage.counted(state) for state in ("missing", "outdated", "draft")] == [1, 1, 1]
    (total,) = coverage.totals
    assert (total.currency, total.asked, total.done) == ("EUR", 100 + 42 + 40 + 8, 100)
    assert total.unexplained == 2 + 10


def test_a_balance_that_never_moved_and_is_zero_is_not_asked_for(
    post: Any, period: Any, books: Any
) -> None:
    post("5.00", posted_on=MARCH)
    post("5.00", posted_on=MARCH, lines=pair("5.00", "4000", "1000"))
    assert not coverage_of(period("2023-04")).asked
    assert [row.row.account.code for row in coverage_of(period("2023-03")).asked] == ["1000"]


# --- Sums -----------------------------------------------------------------------------------

CENTS = st.integers(-(10**18), 10**18)


@given(st.lists(CENTS, max_size=500))
def test_sums_of_items_are_exact(cents: list[int]) -> None:
    """Against whole cents, which cannot lose anything."""
    explained = explained_by(Decimal(one).scaleb(-2) for one in cents)
    assert explained == Decimal(sum(cents)).scaleb(-2)


@given(st.lists(CENTS.filter(bool), max_size=20), CENTS, CENTS, CENTS)
def test_explained_and_unexplained_are_the_balance(
    cents: list[int], opening: int, debit: int, credit: int
) -> None:
    version = AnalysisVersion(
        number=1,
        opening=Decimal(opening).scaleb(-2),
        debit=Decimal(abs(debit)).scaleb(-2),
        credit=Decimal(abs(credit)).scaleb(-2),
    )
    items = [AnalysisItem(number=1, amount=Decimal(one).scaleb(-2)) for one in cents]
    found = Analysed(AccountAnalysis(version=1), version, items, None, Thresholds(), {})
    left = opening + abs(debit) - abs(credit) - sum(cents)
    assert found.unexplained == Decimal(left).scaleb(-2)
    assert found.needs_difference_words == bool(left)


def test_figures_are_those_of_the_trial_balance(
    prepare: Any, post: Any, entity: Any, system: Any
) -> None:
    define_account(
        entity_id=entity.pk,
        code="1001",
        name="Second bank",
        account_type="asset",
        normal_balance="debit",
        actor=system,
    )
    post("17.50", lines=pair("17.50", "1001", "1000"))
    analysis = prepare()
    rows = {
        row.account.code: row for row in trial_balance(entity_id=entity.pk, as_of=date(2023, 4, 30))
    }
    now = analysed(analysis).now
    assert now == rows["1000"]
    assert now is not None
    assert now.closing == Decimal("82.50")
