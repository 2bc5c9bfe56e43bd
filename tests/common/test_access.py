"""Permissions, distinct people, moves and versions: the small refusals that services build on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.common.access import authorize, require_distinct
from apps.common.errors import IllegalMove, NotPermitted, Refusal, StaleVersion
from apps.common.transitions import advance, require_version
from apps.identity.models import Entity, User
from apps.ledger.models import Account

MOVES = {"draft": frozenset({"posted"})}


@pytest.mark.parametrize(
    ("who", "permission", "allowed"),
    [
        ("connie", "identity.manage_entities", True),
        ("ada", "identity.manage_users", True),
        ("alice", "identity.manage_users", False),
        ("charlie", "identity.manage_users", False),
        ("victor", "identity.view_entities", False),
    ],
)
def test_a_role_on_the_entity_decides(
    request: pytest.FixtureRequest, entity: Any, who: str, permission: str, allowed: bool
) -> None:
    actor = request.getfixturevalue(who)
    if allowed:
        authorize(actor, permission, entity_id=entity.pk)
    else:
        with pytest.raises(NotPermitted):
            authorize(actor, permission, entity_id=entity.pk)


def test_strangers_and_the_dismissed_may_nothing(alice: Any, entity: Any) -> None:
    with pytest.raises(NotPermitted):
        authorize(AnonymousUser(), "identity.view_entities")
    User.objects.filter(pk=alice.pk).update(is_active=False)
    dismissed = User.objects.get(pk=alice.pk)
    assert list(dismissed.entity_ids()) == []
    with pytest.raises(NotPermitted):
        authorize(dismissed, "identity.view_entities", entity_id=entity.pk)


def test_a_misspelt_permission_fails_loudly(alice: Any) -> None:
    with pytest.raises(LookupError, match="veiw_entities"):
        alice.may("identity.veiw_entities")


def test_rows_of_other_entities_do_not_exist(alice: Any, other_entity: Any, entity: Any) -> None:
    assert list(Entity.objects.visible_to(alice)) == [entity]
    assert not Entity.objects.visible_to(AnonymousUser()).exists()
    assert not Account.objects.visible_to(AnonymousUser()).exists()


def test_superusers_are_people_too(system: Any) -> None:
    with pytest.raises(NotPermitted, match="own work"):
        require_distinct(system, [system.pk], "You cannot approve your own work.")
    require_distinct(system, [system.pk + 1], "never said")


def test_a_move_that_the_table_lacks_is_refused_in_words() -> None:
    subject = SimpleNamespace(status="posted", _meta=SimpleNamespace(verbose_name="entry"))
    with pytest.raises(IllegalMove, match="This entry is posted and cannot become draft"):
        advance(subject, to="draft", moves=MOVES)
    assert subject.status == "posted"


def test_a_stale_version_is_refused() -> None:
    subject = SimpleNamespace(version=2)
    require_version(subject, 2)
    require_version(subject, None)
    with pytest.raises(StaleVersion) as caught:
        require_version(subject, 1)
    assert caught.value.details == {"version_now": 2}


def test_a_refusal_carries_what_it_was_given() -> None:
    refusal = Refusal("No.", remedy="Wait.", field="amount", entry=7)
    assert (str(refusal), refusal.remedy, refusal.field) == ("No.", "Wait.", "amount")
    assert refusal.details == {"entry": 7}
    assert Refusal().message == Refusal.message
