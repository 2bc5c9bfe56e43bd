"""The first page of the admin: figures, what is behind each, who sees which, how many queries."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from analytics.stage import keep_books, period_of
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.analytics.models import AnomalyScore
from apps.analytics.services import review_anomaly
from apps.approvals.models import Request
from apps.approvals.services import request_approval
from apps.audit.services import record
from apps.close.models import CloseRun, CloseTask
from apps.close.services import define_template, open_run
from apps.identity.models import User
from apps.identity.services import grant_role, revoke_role
from apps.ingestion.models import Source
from apps.ingestion.services import define_source, import_file
from apps.reconciliation.models import MatchType, Run
from apps.reconciliation.selectors import net_variance
from apps.reconciliation.services import execute_run, start_run
from apps.reporting import dashboard as page
from apps.reporting.selectors import (
    _by_age,
    closes,
    feed_standings,
    open_breaks,
    reconciled,
    unusual,
    waiting_requests,
)
from apps.reporting.states import VARIANCE_HANDLER
from tests.pages import text

from .stage import APRIL, BANK, LEDGER, MAPPING, TASKS, open_close, table

TODAY = date(2023, 5, 10)
ALL_PANELS = {
    "Tasks of the close done",
    "Lowest match rate",
    "Open breaks",
    "Approvals waiting",
    "Anomalies to review",
    "Feeds with a refused file",
}


def panels(response: Any) -> dict[str, page.Panel]:
    return {panel.label: panel for panel in response.context["panels"]}


def ask(close_run: CloseRun, maker: Any) -> Request:
    """A request for approval that waits, beside the one that is decided."""
    request = request_approval(
        entity_id=close_run.entity_id,
        item_type="reconciliation",
        subject=close_run,
        subject_hash="a" * 64,
        title="Another",
        url="/",
        amount=None,
        currency=None,
        maker=maker,
        actor=maker,
    )
    assert request is not None
    return request


# --- The figures ----------------------------------------------------------------------------


def test_a_close_in_numbers_of_tasks(close_run: CloseRun) -> None:
    (standing,) = closes([close_run.entity_id], datetime(2020, 1, 1, tzinfo=UTC))
    assert standing.run == close_run
    assert (standing.done, standing.total, standing.failed, standing.late) == (1, 5, 0, 0)
    CloseTask.objects.filter(run=close_run, key="score").update(status="failed")
    CloseTask.objects.filter(run=close_run, key="approve").update(status="submitted")
    (standing,) = closes([close_run.entity_id], datetime(2030, 1, 1, tzinfo=UTC))
    assert (standing.failed, standing.waiting, standing.late) == (1, 1, 4)


def test_the_newest_close_of_each_entity_counts(
    close_run: CloseRun, connie: Any, other_entity: Any, system: Any
) -> None:
    march = open_run(
        template_id=close_run.template_id,
        period_id=period_of(close_run.entity, "2023-03").pk,
        actor=connie,
    )
    keep_books(other_entity, system)
    theirs = open_close(other_entity, system)
    ids = [close_run.entity_id, other_entity.pk]
    assert [each.run for each in closes(ids, datetime.now(UTC))] == [march, theirs]
    assert closes([], datetime.now(UTC)) == []


@pytest.mark.parametrize(
    ("limit", "is_over"), [(None, False), ("1.00", True), ("90.11", True), ("90.12", False)]
)
def test_a_variance_is_held_against_the_limit_of_the_close(
    close_run: CloseRun, connie: Any, limit: str | None, is_over: bool
) -> None:
    """137.66 against 1,392.06: 1,254.40 apart, 90.1111% of the right side."""
    if limit is not None:
        check = {
            **TASKS[0],
            "id": "variance",
            "handler": "reconciliation.variance",
            "parameters": {"match_type": "bank_gl", "threshold_percent": limit},
        }
        template = define_template(
            entity_id=close_run.entity_id, code="other", name="O", tasks=[check], actor=connie
        )
        period = period_of(close_run.entity, "2023-05")
        open_run(template_id=template.pk, period_id=period.pk, actor=connie)
    (found,) = reconciled([close_run.entity_id])
    assert found.run == Run.objects.get()
    assert found.match_rate == Decimal("33.33")
    assert found.difference is not None
    assert (found.difference.amount, found.difference.currency) == (Decimal("-1254.40"), "EUR")
    assert found.difference.percent == Decimal("90.1111")
    assert found.limit_percent == (None if limit is None else Decimal(limit))
    assert found.is_over is is_over


def test_a_limit_ends_with_the_close_that_set_it(close_run: CloseRun, connie: Any) -> None:
    """April checks the variance; May, closed by another plan, does not."""
    CloseTask.objects.filter(run=close_run, key="review").update(
        handler=VARIANCE_HANDLER,
        parameters={"match_type": "bank_gl", "threshold_percent": "1.00"},
    )
    (found,) = reconciled([close_run.entity_id])
    assert found.limit_percent == Decimal("1.00")
    may = period_of(close_run.entity, "2023-05")
    open_run(template_id=close_run.template_id, period_id=may.pk, actor=connie)
    (found,) = reconciled([close_run.entity_id])
    assert found.limit_percent is None


@pytest.mark.parametrize(
    ("proof", "percent"),
    [
        ([], None),
        ([{"currency": "EUR"}, {"currency": "USD"}], None),
        ([{"currency": "EUR", "left_total": "0.00", "right_total": "0.00"}], Decimal(0)),
        ([{"currency": "EUR", "left_total": "1.00", "right_total": "0.00"}], Decimal(100)),
        ([{"currency": "EUR", "left_total": "-99.00", "right_total": "-100.00"}], Decimal(1)),
    ],
)
def test_what_can_be_compared(proof: list[dict[str, str]], percent: Decimal | None) -> None:
    found = net_variance(Run(proof=proof))
    assert (found.percent if found else None) == percent


def test_breaks_that_nobody_explained_by_cause_and_age(close_run: CloseRun) -> None:
    ages = {each.kind: each for each in open_breaks([close_run.entity_id], TODAY)}
    assert set(ages) == {"missing_left", "missing_right"}, "one is explained"
    assert ages["missing_right"].counts == (0, 0, 1, 0), "booked on 5 April, 35 days ago"
    run = Run.objects.get()
    awaited = run.breaks.create(
        number=9,
        cause="timing",
        state="awaited",
        currency="EUR",
        left_total=1,
        right_total=0,
        amount=1,
        is_material=False,
        reason="still awaited",
        evidence={},
    )
    awaited.items.create(record=run.breaks.first().items.first().record, side="left")
    ages = {each.kind: each for each in open_breaks([close_run.entity_id], TODAY)}
    assert (ages["timing"].counts, ages["timing"].apart) == ((0, 0, 0, 0), 1)
    assert open_breaks([], TODAY) == []


def test_what_the_next_month_took_over_is_counted_there(
    close_run: CloseRun, connie: Any, alice: Any, visit: Any
) -> None:
    """Awaited at the end of April, carried into May and missing there: one break, not two."""
    bank = Source.objects.get(code="bank")
    content = table(("INV-8", "28", "75.00"), prefix="C")
    import_file(source_id=bank.pk, filename="late.csv", content=content, actor=alice)
    match_type = MatchType.objects.get()
    for days in (APRIL, {"starts_on": date(2023, 5, 1), "ends_on": date(2023, 5, 31)}):
        run = start_run(match_type_id=match_type.pk, actor=alice, **days)
        execute_run(run_id=run.pk)
    ages = {each.kind: each for each in open_breaks([close_run.entity_id], date(2023, 6, 1))}
    assert sum(each.apart for each in ages.values()) == 0
    assert ages["missing_right"].total == 2, "one of April, and the one that May took over"
    client = visit(connie)
    for row in panels(client.get("/admin/"))["Open breaks"].rows:
        for cell in row[-2:]:
            assert str(len(client.get(cell.url).context["rows"])) == cell.text


@pytest.mark.parametrize(
    ("days", "counts"),
    [
        (0, (1, 0, 0)),
        (7, (1, 0, 0)),
        (8, (0, 1, 0)),
        (30, (0, 1, 0)),
        (31, (0, 0, 1)),
        (-1, (1, 0, 0)),
    ],
)
def test_ages_include_their_upper_end(days: int, counts: tuple[int, ...]) -> None:
    (found,) = _by_age([("fee", days)], (7, 30))
    assert (found.counts, found.apart, found.total) == (counts, 0, 1)


def test_the_most_come_first() -> None:
    things = [("fee", 1), ("sign", 2), ("sign", None), ("amount", 3)]
    assert [each.kind for each in _by_age(things, (7,))] == ["sign", "amount", "fee"]


def test_requests_that_wait_by_kind_and_age(close_run: CloseRun, alice: Any, connie: Any) -> None:
    run = Run.objects.get()
    request = ask(close_run, alice)
    for later, counts in (
        (timedelta(hours=1), (1, 0, 0, 0)),
        (timedelta(days=2), (0, 1, 0, 0)),
        (timedelta(days=20), (0, 0, 0, 1)),
    ):
        now = request.requested_at + later
        waiting = waiting_requests([run.entity_id], now)
        (found,) = waiting.ages
        assert (found.kind, found.counts, found.apart) == ("reconciliation", counts, 0)
        assert waiting.overdue == (1 if request.due_at < now else 0)
    assert waiting.overdue == 1
    assert waiting_requests([], datetime.now(UTC)).ages == []


def test_a_request_that_nobody_can_decide_stands_apart(
    close_run: CloseRun, alice: Any, bob: Any, system: Any
) -> None:
    revoke_role(user_id=bob.pk, role="approver", entity_id=close_run.entity_id, actor=system)
    ask(close_run, alice)
    (found,) = waiting_requests([close_run.entity_id], datetime.now(UTC)).ages
    assert (found.counts, found.apart, found.total) == ((0, 0, 0, 0), 1, 1)


def test_anomalies_that_nobody_looked_at(close_run: CloseRun, rita: Any) -> None:
    (found,) = unusual([close_run.entity_id])
    assert (found.scoring.flagged_count, found.undecided) == (1, 1)
    review_anomaly(
        score_id=AnomalyScore.objects.get().pk,
        disposition="legitimate",
        comment="A contract.",
        actor=rita,
    )
    (found,) = unusual([close_run.entity_id])
    assert found.undecided == 0


def test_feeds_and_their_last_success(close_run: CloseRun, connie: Any) -> None:
    define_source(
        entity_id=close_run.entity_id, code="shop", name="Shop", mapping=MAPPING, actor=connie
    )
    bank, ledger, shop = feed_standings([close_run.entity_id])
    assert [each.source.code for each in (bank, ledger, shop)] == ["bank", "ledger", "shop"]
    assert bank.batch is not None
    assert (bank.batch.filename, bank.failure) == ("bank.csv", None)
    assert (shop.batch, shop.failure) == (None, None)
    refuse(bank.source, connie)
    (bank, *_) = feed_standings([close_run.entity_id])
    assert bank.failure is not None
    assert bank.batch is not None
    content = table(*BANK, ("INV-9", "09", "9.00"), prefix="B")
    import_file(source_id=bank.source.pk, filename="bank2.csv", content=content, actor=connie)
    (bank, *_) = feed_standings([close_run.entity_id])
    assert (bank.batch.filename if bank.batch else None, bank.failure) == ("bank2.csv", None)


def refuse(source: Source, actor: Any) -> None:
    """Bring a file that cannot be imported."""
    outcome = import_file(
        source_id=source.pk, filename="broken.csv", content=b"nothing,of,use\n1,2,3\n", actor=actor
    )
    assert outcome.failure is not None


# --- The page -------------------------------------------------------------------------------


def test_the_page_says_where_everything_stands(
    visit: Any, close_run: CloseRun, connie: Any
) -> None:
    response = visit(connie).get("/admin/")
    assert response.status_code == 200
    shown = panels(response)
    figures = {label: (panel.figure, panel.note) for label, panel in shown.items()}
    assert figures["Tasks of the close done"][0] == "1 of 5"
    assert figures["Lowest match rate"] == (
        "33.33%",
        "Bank to ledger; 0 of 0 variances above the limit",
    )
    assert figures["Open breaks"] == ("2", "2 over 60 days old; 0 more awaited")
    assert figures["Approvals waiting"] == ("0", "none is overdue")
    assert figures["Anomalies to review"] == ("1", "of 1 that stand out")
    assert figures["Feeds with a refused file"] == ("0", "of 2 sources")
    assert "No request waits for a decision." in text(response)


def test_trouble_shows_in_tone_and_words(visit: Any, close_run: CloseRun, connie: Any) -> None:
    CloseTask.objects.filter(run=close_run, key="score").update(status="failed")
    refuse(Source.objects.get(code="bank"), connie)
    shown = panels(visit(connie).get("/admin/"))
    assert shown["Tasks of the close done"].tone == "danger"
    assert shown["Tasks of the close done"].note.startswith("1 failed")
    assert shown["Feeds with a refused file"].tone == "danger"
    states = [row[-1].text for row in shown["Feeds with a refused file"].rows]
    assert states == ["refused since", "in order"]


@pytest.mark.parametrize(
    ("limit", "note", "verdict", "tone"),
    [
        ("90.00", "1 of 1 variances above the limit", "no", "danger"),
        ("91.00", "0 of 1 variances above the limit", "yes", "success"),
    ],
)
def test_a_variance_above_its_limit_is_told(
    visit: Any, close_run: CloseRun, connie: Any, limit: str, note: str, verdict: str, tone: str
) -> None:
    CloseTask.objects.filter(run=close_run, key="review").update(
        handler=VARIANCE_HANDLER,
        parameters={"match_type": "bank_gl", "threshold_percent": limit},
    )
    panel = panels(visit(connie).get("/admin/"))["Lowest match rate"]
    assert (panel.note, panel.tone) == (f"Bank to ledger; {note}", tone)
    ((*_, variance, allowed, told),) = panel.rows
    assert (variance.text, allowed.text) == ("90.1111%", f"{limit}%")
    assert (told.text, told.tone) == (verdict, tone)


def test_a_source_that_never_brought_a_file(visit: Any, close_run: CloseRun, connie: Any) -> None:
    define_source(
        entity_id=close_run.entity_id, code="shop", name="Shop", mapping=MAPPING, actor=connie
    )
    panel = panels(visit(connie).get("/admin/"))["Feeds with a refused file"]
    assert (panel.figure, panel.note) == ("0", "of 3 sources; 1 never brought one")
    assert panel.tone == "warning"
    shop = [cell.text for cell in panel.rows[-1]]
    assert shop == ["HFS: Shop", "never", "—", "—", "nothing came"]


@pytest.mark.parametrize(
    ("approvers", "tone", "note", "texts"),
    [
        (True, "success", "none is overdue", ["1", "0", "0", "0", "0", "1"]),
        (False, "danger", "1 that nobody can decide", ["0", "0", "0", "0", "1", "1"]),
    ],
)
def test_the_list_behind_the_approvals_holds_as_many(
    visit: Any,
    close_run: CloseRun,
    alice: Any,
    bob: Any,
    connie: Any,
    system: Any,
    approvers: bool,
    tone: str,
    note: str,
    texts: list[str],
) -> None:
    if not approvers:
        revoke_role(user_id=bob.pk, role="approver", entity_id=close_run.entity_id, actor=system)
    ask(close_run, alice)
    client = visit(connie)
    panel = panels(client.get("/admin/"))["Approvals waiting"]
    assert (panel.figure, panel.note, panel.tone) == ("1", note, tone)
    assert len(client.get(panel.url).context["rows"]) == 1, "the decided one is not there"
    (row,) = panel.rows
    assert [cell.text for cell in row] == ["Reconciliation", *texts]
    for cell in (row[1], *row[-2:]):
        assert str(len(client.get(cell.url).context["rows"])) == cell.text


def test_an_overdue_request_is_told(
    visit: Any, close_run: CloseRun, alice: Any, connie: Any
) -> None:
    ask(close_run, alice)
    Request.objects.open().update(due_at=datetime(2023, 5, 1, tzinfo=UTC))
    panel = panels(visit(connie).get("/admin/"))["Approvals waiting"]
    assert (panel.note, panel.tone) == ("1 overdue", "warning")


def test_every_figure_leads_to_what_is_behind_it(
    visit: Any, close_run: CloseRun, connie: Any, alice: Any, bob: Any
) -> None:
    """Each link of the dashboard opens, and lists told by a count hold as many."""
    refuse(Source.objects.get(code="bank"), connie)
    client = visit(connie)
    shown = panels(client.get("/admin/"))
    cells = [cell for panel in shown.values() for row in panel.rows for cell in row]
    links = {cell.url for cell in cells if cell.url} | {panel.url for panel in shown.values()}
    assert len(links) > 12
    for link in sorted(links):
        assert client.get(link, follow=True).status_code == 200, link
    for cell in cells:
        assert cell.url or not cell.is_number or cell.text in {"—"} or "%" in cell.text, cell


def test_the_list_behind_a_count_holds_as_many(
    visit: Any, close_run: CloseRun, connie: Any
) -> None:
    client = visit(connie)
    shown = panels(client.get("/admin/"))
    for row in shown["Open breaks"].rows:
        listed = client.get(row[-1].url).context["rows"]
        assert str(len(listed)) == row[-1].text
    (anomalies,) = shown["Anomalies to review"].rows
    for cell in anomalies[2:]:
        assert str(len(client.get(cell.url).context["rows"])) == cell.text


@pytest.mark.parametrize(
    ("who", "labels"),
    [
        (
            "connie",
            ALL_PANELS,
        ),
        ("ada", set()),
    ],
)
def test_people_see_what_their_role_may(
    visit: Any, close_run: CloseRun, who: str, labels: set[str], request: Any
) -> None:
    response = visit(request.getfixturevalue(who)).get("/admin/")
    assert response.status_code == 200
    assert set(panels(response)) == labels


@pytest.mark.parametrize(
    ("who", "labels"),
    [
        ("victor", set()),
        ("ivy", ALL_PANELS - {"Approvals waiting", "Anomalies to review"}),
        ("charlie", ALL_PANELS),
    ],
)
def test_a_panel_needs_its_permission(
    close_run: CloseRun, who: str, labels: set[str], request: Any, rf: Any
) -> None:
    """Even if a person without it came as far as this page."""
    asked = rf.get("/admin/")
    asked.user, asked.session = request.getfixturevalue(who), {}
    shown = page.dashboard(asked, {})["panels"]
    assert {panel.label for panel in shown} == labels
    if who == "charlie":
        assert [panel.rows for panel in shown] == [[]] * len(shown), "nothing of ours"


def test_an_entity_in_view_that_the_person_may_not_look_at(
    close_run: CloseRun, other_entity: Any, person: Any, system: Any, rf: Any
) -> None:
    """Controller of one entity, administrator of the other: the other one has no panels."""
    carla = person("carla", "controller", on=close_run.entity)
    grant_role(user_id=carla.pk, role="administrator", entity_id=other_entity.pk, actor=system)
    for entity, seen in ((close_run.entity, 6), (other_entity, 0)):
        asked = rf.get("/admin/")
        asked.user, asked.session = User.objects.get(pk=carla.pk), {"entity_in_view": entity.pk}
        assert len(page.dashboard(asked, {})["panels"]) == seen


def test_people_see_their_entities_only(
    visit: Any, close_run: CloseRun, other_entity: Any, system: Any, charlie: Any
) -> None:
    keep_books(other_entity, system)
    theirs = open_close(other_entity, system)
    response = visit(charlie).get("/admin/")
    shown = panels(response)
    assert [row[0].text for row in shown["Tasks of the close done"].rows] == ["TKO 2023-04"]
    assert shown["Open breaks"].figure == "0"
    assert shown["Lowest match rate"].figure == "none"
    assert f"/close/runs/{close_run.pk}/" not in text(response)
    assert f"/close/runs/{theirs.pk}/" in text(response)


def test_a_superuser_sees_all_or_the_entity_in_view(
    visit: Any, close_run: CloseRun, other_entity: Any, system: Any, connie: Any
) -> None:
    keep_books(other_entity, system)
    open_close(other_entity, system)
    with transaction.atomic():
        connie.is_superuser = True
        connie.save(update_fields=["is_superuser"])
        record(actor=system, action="identity.user.promote", subject=connie)
    client = visit(connie)
    rows = panels(client.get("/admin/"))["Tasks of the close done"].rows
    assert [row[0].text for row in rows] == ["HFS 2023-04", "TKO 2023-04"]
    session = client.session
    session["entity_in_view"] = other_entity.pk
    session.save()
    rows = panels(client.get("/admin/"))["Tasks of the close done"].rows
    assert [row[0].text for row in rows] == ["TKO 2023-04"]


def test_an_empty_system_says_so(visit: Any, connie: Any) -> None:
    shown = text(visit(connie).get("/admin/"))
    for words in (
        "No period is being closed, and none was.",
        "Nothing has been reconciled yet.",
        "Every break is explained.",
        "No request waits for a decision.",
        "No period has been scored yet.",
        "No source has been set up yet.",
    ):
        assert words in shown


def test_it_takes_a_fixed_number_of_queries(
    visit: Any, close_run: CloseRun, connie: Any, alice: Any, bob: Any
) -> None:
    client = visit(connie)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/")
        return len(queries)

    few = count()
    for code in ("one", "two", "three"):
        source = define_source(
            entity_id=close_run.entity_id, code=code, name=code, mapping=MAPPING, actor=connie
        )
        content = table(*LEDGER, prefix=code)
        import_file(source_id=source.pk, filename=f"{code}.csv", content=content, actor=connie)
    run = Run.objects.get()
    for number in range(10, 20):
        broken = run.breaks.create(
            number=number,
            cause="fee",
            state="mismatched",
            currency="EUR",
            left_total=1,
            right_total=0,
            amount=1,
            is_material=False,
            reason="a fee",
            evidence={},
        )
        broken.items.create(record=run.breaks.first().items.first().record, side="left")
    assert count() == few
    assert few < 40


@pytest.mark.parametrize(
    ("limits", "heads"),
    [
        ((7, 30, 60), ("up to 7", "8 to 30", "31 to 60", "over 60")),
        ((1,), ("up to 1", "over 1")),
    ],
)
def test_headings_of_ages(limits: tuple[int, ...], heads: tuple[str, ...]) -> None:
    assert page._age_heads(limits) == heads


def test_no_figure_is_written_as_a_float(visit: Any, close_run: CloseRun, connie: Any) -> None:
    shown = text(visit(connie).get("/admin/"))
    assert not re.search(r"\d\.\d{5,}", shown)


def test_the_page_brings_its_own_icon_and_styles(visit: Any, connie: Any) -> None:
    shown = text(visit(connie).get("/admin/"))
    assert re.search(r'<link rel="icon" href="/static/finflow/favicon[^"]*\.svg"', shown)
    assert re.search(r'href="/static/reporting/admin[^"]*\.css"', shown)
    assert re.search("<title> ?Where everything stands [|] FinFlow ?</title>", shown)
