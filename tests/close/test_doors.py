"""The close through its doors: REST, pages and admin; who sees it, and what bad input changes."""

from __future__ import annotations

from typing import Any

import pytest

from apps.close.models import CloseRun, CloseTask
from apps.common.errors import Refusal
from apps.identity.services import grant_role
from tests.close.conftest import Steps, deliver, states

PLACES = ["/api/close/runs/{run}", "/close/runs/{run}/", "/close/tasks/{task}/"]


def review_of(run: CloseRun) -> CloseTask:
    return CloseTask.objects.get(run=run, key="review")


def at(place: str, run: CloseRun) -> str:
    return place.format(run=run.pk, task=review_of(run).pk)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("who", "status"),
    [("alice", 200), ("otto", 200), ("connie", 200), ("charlie", 404), ("victor", 403)],
)
def test_who_sees_a_close(
    request: pytest.FixtureRequest,
    run: CloseRun,
    client: Any,
    api: Any,
    place: str,
    who: str,
    status: int,
) -> None:
    actor = request.getfixturevalue(who)
    client.force_login(actor)
    door = api(actor) if place.startswith("/api/") else client
    assert door.get(at(place, run)).status_code == status


@pytest.mark.parametrize("place", PLACES)
def test_strangers_are_sent_away(run: CloseRun, client: Any, place: str) -> None:
    answer = client.get(at(place, run))
    assert answer.status_code == (401 if place.startswith("/api/") else 302)


def test_the_board_moves_and_then_rests(run: CloseRun, client: Any, otto: Any) -> None:
    client.force_login(otto)
    assert client.get("/close/").headers["Location"] == f"/close/runs/{run.pk}/"
    page = client.get(f"/close/runs/{run.pk}/").content.decode()
    assert "0 of 6 tasks done" in page
    assert 'hx-trigger="every 2s"' in page
    deliver()
    part = client.get(f"/close/runs/{run.pk}/?part=board").content.decode()
    assert "3 of 6 tasks done" in part
    assert "<html" not in part


def test_the_board_names_the_entity_unless_it_is_the_one_in_view(
    run: CloseRun, client: Any, otto: Any, other_entity: Any, system: Any
) -> None:
    client.force_login(otto)
    assert "<h1>Close of 2023-04</h1>" in client.get(f"/close/runs/{run.pk}/").content.decode()
    grant_role(user_id=otto.pk, role="auditor", entity_id=other_entity.pk, actor=system)
    assert "<h1>Close of HFS 2023-04</h1>" in client.get(f"/close/runs/{run.pk}/").content.decode()


def test_the_board_takes_a_fixed_number_of_queries(
    run: CloseRun, client: Any, otto: Any, django_assert_max_num_queries: Any
) -> None:
    deliver()
    client.force_login(otto)
    with django_assert_max_num_queries(20):
        client.get(f"/close/runs/{run.pk}/")


def test_a_reviewer_ticks_off_on_the_page(run: CloseRun, client: Any, rita: Any) -> None:
    deliver()
    task = review_of(run)
    client.force_login(rita)
    assert b"Tick it off" in client.get(f"/close/tasks/{task.pk}/").content
    empty = client.post(f"/close/tasks/{task.pk}/complete/", {"comment": "", "version": 1})
    assert empty.status_code == 422
    assert b"Say in a few words" in empty.content
    stale = client.post(f"/close/tasks/{task.pk}/complete/", {"comment": "x", "version": 99})
    assert b"This has changed since you opened it" in stale.content
    assert states(run)["review"] == "ready"
    done = client.post(
        f"/close/tasks/{task.pk}/complete/", {"comment": "Looked.", "version": task.version}
    )
    assert done.status_code == 302
    assert states(run)["review"] == "completed"


def test_a_failed_task_says_why_and_is_retried_on_its_page(
    run: CloseRun, client: Any, alice: Any, steps: Steps
) -> None:
    def refuse(context: Any) -> Any:
        raise Refusal("The statement does not tie.")

    steps.by_key["bank"] = refuse
    deliver()
    bank = CloseTask.objects.get(run=run, key="bank")
    client.force_login(alice)
    assert b"The statement does not tie." in client.get(f"/close/tasks/{bank.pk}/").content
    assert b"does not go on because of" in client.get(f"/close/runs/{run.pk}/").content
    del steps.by_key["bank"]
    assert client.post(f"/close/tasks/{bank.pk}/retry/").status_code == 302
    deliver()
    assert states(run)["bank"] == "completed"


def test_a_close_is_opened_on_the_page(
    template: Any, period: Any, client: Any, connie: Any, alice: Any
) -> None:
    client.force_login(connie)
    assert b"2023-04" in client.get("/close/").content
    client.force_login(alice)
    assert b"Nothing to close" in client.get("/close/").content
    assert client.post(f"/close/periods/{period.pk}/start/").status_code == 403
    assert not CloseRun.objects.exists()
    client.force_login(connie)
    assert client.post(f"/close/periods/{period.pk}/start/").status_code == 302
    assert client.post("/close/periods/999999/start/").status_code == 404
    assert CloseRun.objects.count() == 1


def test_rest_opens_a_run_once_per_key(
    template: Any, period: Any, api: Any, connie: Any, otto: Any
) -> None:
    body = {"template": template.pk, "period": period.pk}
    refused = api(otto).post("/api/close/runs", body, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "NOT_PERMITTED")
    first, second = (
        api(connie).post("/api/close/runs", body, format="json", HTTP_IDEMPOTENCY_KEY="k")
        for _ in range(2)
    )
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    again = api(connie).post("/api/close/runs", body, format="json")
    assert again.json()["error"]["code"] == "RUN_ALREADY_OPEN"
    assert CloseRun.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"template": 1, "period": 1, "surprise": 1}', 422),
        ('{"template": "x", "period": 1}', 422),
        ('{"template": 1.5, "period": 1}', 422),
        ("{}", 422),
        ("[]", 422),
        ("{", 400),
        ('{"template": 1, "template": 2, "period": 3}', 400),
        ('{"template": 999999, "period": 999999}', 404),
    ],
)
def test_bad_input_gets_the_envelope_and_changes_nothing(
    template: Any, period: Any, api: Any, connie: Any, table_counts: Any, body: str, status: int
) -> None:
    before = table_counts()
    answer = api(connie).post("/api/close/runs", body, content_type="application/json")
    assert answer.status_code == status
    assert set(answer.json()["error"]) >= {"code", "message", "details", "request_id"}
    assert table_counts() == before


def test_rest_completes_and_retries_tasks(run: CloseRun, api: Any, rita: Any, alice: Any) -> None:
    deliver()
    task = review_of(run)
    done = api(rita).post(
        f"/api/close/tasks/{task.pk}/complete",
        {"comment": "Looked.", "expected_version": task.version},
        format="json",
    )
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    again = api(alice).post(f"/api/close/tasks/{task.pk}/retry", {}, format="json")
    assert again.json()["error"]["code"] == "ILLEGAL_MOVE"


def test_lists_are_filtered_and_scoped(run: CloseRun, api: Any, otto: Any, charlie: Any) -> None:
    rows = api(otto).get("/api/close/tasks", {"status": "pending", "period": "2023-04"}).json()
    assert len(rows["results"]) == 6
    assert api(charlie).get("/api/close/tasks").json()["results"] == []
    assert api(otto).get("/api/close/templates").json()["results"][0]["code"] == "month"
    (shown,) = api(otto).get("/api/close/runs", {"entity": "HFS"}).json()["results"]
    assert shown["progress"] == {"done": 0, "total": 6, "failed": 0, "waiting": 0, "late": 6}


@pytest.mark.parametrize(
    "model",
    ["closetemplate", "closerun", "closetask", "taskattempt", "taskdependency", "taskapproval"],
)
def test_the_admin_shows_and_never_writes(
    run: CloseRun, client: Any, connie: Any, model: str
) -> None:
    deliver()
    client.force_login(connie)
    assert client.get(f"/admin/close/{model}/").status_code == 200
    assert client.get(f"/admin/close/{model}/add/").status_code == 403


def test_the_admin_retries_through_the_service(
    run: CloseRun, client: Any, connie: Any, steps: Steps
) -> None:
    def refuse(context: Any) -> Any:
        raise Refusal("Not today.")

    steps.by_key["bank"] = refuse
    deliver()
    bank = CloseTask.objects.get(run=run, key="bank")
    erp = CloseTask.objects.get(run=run, key="erp")
    client.force_login(connie)
    page = client.post(
        "/admin/close/closetask/",
        {"action": "retry", "_selected_action": [bank.pk, erp.pk]},
        follow=True,
    ).content.decode()
    assert "1 queued again" in page
    assert "Only a task that failed, was returned or is stale can be retried" in page
    assert states(run)["bank"] == "ready"
