"""Rows are seen by who may look at such rows on their entity; another role there is not enough."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.urls import reverse

from apps.common.models import ScopedQuerySet
from apps.identity.holders import roles_holding
from tests.reconciliation.conftest import Pair, pair, sources

__all__ = ["pair", "sources"]  # fixtures of this package too

SCOPED = sorted(
    (
        model
        for model in apps.get_models()
        if isinstance(model._default_manager.all(), ScopedQuerySet)
    ),
    key=lambda model: model._meta.label,
)
READ = (
    "/api/ingestion/sources",
    "/api/ingestion/batches",
    "/api/reconciliation/match-types",
    "/api/reconciliation/runs",
    "/api/reconciliation/groups",
    "/api/reconciliation/breaks",
)
WINDOWS = (
    "ingestion_source",
    "ingestion_batch",
    "reconciliation_matchtype",
    "reconciliation_run",
    "reconciliation_matchgroup",
    "reconciliation_break",
)


@pytest.mark.parametrize("model", SCOPED, ids=lambda model: model._meta.label)
def test_each_scoped_model_names_who_may_look(model: Any) -> None:
    """The look-up raises for a permission that nobody defined."""
    for manager in model._meta.managers:
        rows = manager.all()
        assert isinstance(rows, ScopedQuerySet), manager.name
        assert roles_holding(rows.view_permission), manager.name


@pytest.fixture
def books(pair: Pair) -> Pair:
    """A run of our entity with a match and two breaks."""
    pair.bring("left", ("R-1", "03", "10.00"), ("R-2", "04", "20.00"))
    pair.bring("right", ("R-1", "03", "10.00"), ("R-3", "05", "30.00"))
    pair.run()
    return pair


@pytest.fixture
def mix(person: Callable[..., Any], entity: Any, other_entity: Any, system: Any) -> Any:
    """Controls the other entity and administers the people of ours."""
    from apps.identity.models import User
    from apps.identity.services import grant_role

    made = person("mix", "controller", on=other_entity)
    grant_role(user_id=made.pk, role="administrator", entity_id=entity.pk, actor=system)
    return User.objects.get(pk=made.pk)


@pytest.mark.parametrize("url", READ)
def test_rest_shows_nothing_of_an_entity_where_one_may_not_look(
    books: Pair, api: Any, connie: Any, mix: Any, url: str
) -> None:
    seen = api(connie).get(url).json()["results"]
    assert seen
    assert api(mix).get(url).json()["results"] == []
    assert api(mix).get(f"{url}/{seen[0]['id']}").status_code == 404


@pytest.mark.parametrize("window", WINDOWS)
def test_the_admin_shows_nothing_of_an_entity_where_one_may_not_look(
    books: Pair, visit: Any, connie: Any, mix: Any, window: str
) -> None:
    url = reverse(f"admin:{window}_changelist")
    assert visit(connie).get(url).context["cl"].result_count
    page = visit(mix).get(url)
    assert page.status_code == 200
    assert page.context["cl"].result_count == 0


def test_pages_show_nothing_of_an_entity_where_one_may_not_look(
    books: Pair, visit: Any, mix: Any
) -> None:
    run = books.match_type.runs.get()
    web = visit(mix)
    for name, args in (("run", [run.pk]), ("statement", [run.pk]), ("groups", [run.pk])):
        assert web.get(reverse(f"reconciliation:{name}", args=args)).status_code == 404, name
    assert "Bank to ledger" not in web.get(reverse("reconciliation:runs")).content.decode()
    assert "R-2" not in web.get(reverse("reconciliation:breaks")).content.decode()


def test_requests_and_events_are_those_of_entities_where_one_may_look(
    books: Pair, ada: Any, mix: Any, connie: Any, entity: Any
) -> None:
    from apps.approvals.models import Leave, Request
    from apps.audit.models import Event
    from apps.ledger.models import Account

    assert not Request.objects.visible_to(mix).exists()
    assert not Leave.objects.visible_to(mix).filter(person=connie).exists()
    # An administrator does look at events and at the chart of accounts.
    assert Event.objects.visible_to(mix).filter(entity=entity).exists()
    assert Account.objects.visible_to(mix).count() == Account.objects.visible_to(ada).count()


def test_filters_of_the_admin_offer_only_what_one_may_see(
    books: Pair, visit: Any, connie: Any, mix: Any
) -> None:
    url = reverse("admin:reconciliation_run_changelist")
    assert "Bank to ledger" in visit(connie).get(url).content.decode()
    assert "Bank to ledger" not in visit(mix).get(url).content.decode()


@pytest.mark.parametrize("position", ["x", "1'2", "9" * 19, "-1", "1.5", "\ud800"])
def test_a_cursor_that_leads_nowhere_is_refused(
    books: Pair, api: Any, connie: Any, position: str
) -> None:
    text = f"p={quote(position, errors='surrogatepass')}".encode()
    answer = api(connie).get(
        "/api/reconciliation/breaks", {"cursor": b64encode(text).decode("ascii")}
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Invalid cursor")
