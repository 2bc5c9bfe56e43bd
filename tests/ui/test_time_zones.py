"""Instants on pages are those of the entity, each with its zone; REST and mixed pages say UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.identity.services import grant_role
from apps.ingestion.models import Batch
from apps.ingestion.services import define_source, import_file
from tests.pages import text
from tests.reporting.stage import BANK, MAPPING, table

AMSTERDAM, TOKYO, UTC = "Europe/Amsterdam", "Asia/Tokyo", "UTC"
Visit = Callable[[Any], Client]


@pytest.fixture
def bring() -> Callable[[Any, Any], Batch]:
    """A file of an entity, brought in by a controller of it."""

    def of(entity: Any, actor: Any) -> Batch:
        source = define_source(
            entity_id=entity.pk, code="bank", name="Bank", mapping=MAPPING, actor=actor
        )
        content = table(*BANK, prefix=entity.code)
        batch = import_file(
            source_id=source.pk, filename="bank.csv", content=content, actor=actor
        ).batch
        assert batch is not None
        return batch

    return of


@pytest.fixture
def both(person: Any, entity: Any, other_entity: Any, system: Any) -> Any:
    """Controller of Amsterdam and of Tokyo."""
    mona = person("mona", "controller", on=entity)
    grant_role(user_id=mona.pk, role="controller", entity_id=other_entity.pk, actor=system)
    return type(mona).objects.get(pk=mona.pk)


def zones(answer: Any) -> set[str]:
    """The zones that the page names on its instants."""
    assert answer.status_code == 200
    named = re.findall(r'<time datetime="[^"]+" title="[^"]* (\S+) \(UTC[^)]*\)"', text(answer))
    assert named
    return set(named)


def view(client: Client, code: str) -> None:
    assert client.post(f"{reverse('identity:view-entity')}?code={code}").status_code == 302


def test_who_works_for_one_entity_reads_its_clock(
    visit: Visit, bring: Any, entity: Any, connie: Any
) -> None:
    batch = bring(entity, connie)
    client = visit(connie)
    for path in (reverse("ingestion:sources"), reverse("ingestion:batch", args=[batch.pk])):
        answer = client.get(path)
        assert zones(answer) == {AMSTERDAM}
        assert f"Times are in {AMSTERDAM}." in text(answer)


@pytest.mark.parametrize(("code", "list_zone"), [("", UTC), ("HFS", AMSTERDAM), ("TKO", TOKYO)])
def test_lists_follow_the_entity_in_view_and_pages_their_own(
    visit: Visit, bring: Any, both: Any, entity: Any, other_entity: Any, code: str, list_zone: str
) -> None:
    ours, theirs = bring(entity, both), bring(other_entity, both)
    client = visit(both)
    view(client, code)
    assert zones(client.get(reverse("ingestion:sources"))) == {list_zone}
    assert zones(client.get(reverse("ingestion:batch", args=[ours.pk]))) == {AMSTERDAM}
    assert zones(client.get(reverse("ingestion:batch", args=[theirs.pk]))) == {TOKYO}
    assert zones(client.get(reverse("admin:index"))) == {list_zone}
    assert f"Times in {list_zone}" in text(client.get(reverse("admin:index")))


def test_the_zone_ends_with_the_page(
    visit: Visit, bring: Any, other_entity: Any, charlie: Any
) -> None:
    batch = bring(other_entity, charlie)
    client = visit(charlie)
    for path in (reverse("ingestion:batch", args=[batch.pk]), "/no-such-page/"):
        client.get(path)
        assert timezone.get_current_timezone_name() == UTC


def test_rest_answers_in_utc(visit: Visit, bring: Any, other_entity: Any, charlie: Any) -> None:
    bring(other_entity, charlie)
    answer = visit(charlie).get("/api/ingestion/batches").json()
    (listed,) = answer["results"]
    assert listed["imported_at"].endswith("Z")
