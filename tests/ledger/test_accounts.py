"""The chart of accounts: define, rename, retire, reinstate."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, Refusal
from apps.ledger.errors import AccountExists, AccountRetired, TextInvalid
from apps.ledger.models import Account
from apps.ledger.services import (
    define_account,
    reinstate_account,
    rename_account,
    retire_account,
)


def define(entity: Any, actor: Any, **changes: Any) -> Account:
    facts = {
        "code": "6000",
        "name": "Travel",
        "account_type": "expense",
        "normal_balance": "debit",
    }
    return define_account(entity_id=entity.pk, actor=actor, **{**facts, **changes})


def last_action() -> str:
    return Event.objects.latest("id").action


def test_a_controller_adds_an_account(books: Any, connie: Any) -> None:
    account = define(books, connie)
    assert str(account) == "6000 Travel"
    assert account.is_active
    assert account.history.get().history_user == connie
    assert last_action() == "ledger.account.define"


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("otto", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("victor", {}, NotVisible),
        ("connie", {"code": "1000"}, AccountExists),
        ("connie", {"account_type": "income"}, Invalid),
        ("connie", {"normal_balance": "left"}, Invalid),
        ("connie", {"code": " "}, TextInvalid),
        ("connie", {"name": ""}, TextInvalid),
        ("connie", {"name": "x" * 201}, TextInvalid),
        ("connie", {"name": "nul\x00"}, TextInvalid),
    ],
)
def test_refused_definitions_change_nothing(
    request: pytest.FixtureRequest,
    books: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        define(books, actor, **changes)
    assert table_counts() == before


def test_another_entity_may_use_the_same_code(books: Any, other_books: Any) -> None:
    assert Account.objects.filter(code="1000").count() == 2


def test_renaming_keeps_the_code_and_tells_the_former_name(account: Any, connie: Any) -> None:
    renamed = rename_account(account_id=account("1000").pk, name="Current account", actor=connie)
    assert (renamed.code, renamed.name) == ("1000", "Current account")
    assert Event.objects.latest("id").details == {"former": "Bank", "name": "Current account"}


def test_a_retired_account_takes_no_lines_until_it_is_reinstated(
    account: Any, connie: Any, draft: Any
) -> None:
    retire_account(account_id=account("4000").pk, actor=connie)
    with pytest.raises(AccountRetired, match="Line 2: Account 4000"):
        draft()
    reinstate_account(account_id=account("4000").pk, actor=connie)
    assert draft().lines.count() == 2
    assert account("4000").history.count() == 3


@pytest.mark.parametrize("service", [rename_account, retire_account, reinstate_account])
@pytest.mark.parametrize(
    ("who", "refusal"), [("alice", NotPermitted), ("charlie", NotVisible), ("victor", NotVisible)]
)
def test_others_may_not_change_accounts(
    request: pytest.FixtureRequest, account: Any, service: Any, who: str, refusal: type[Refusal]
) -> None:
    actor = request.getfixturevalue(who)
    options = {"name": "Mine"} if service is rename_account else {}
    with pytest.raises(refusal):
        service(account_id=account("1000").pk, actor=actor, **options)
    assert (account("1000").name, account("1000").is_active) == ("Bank", True)


def test_retiring_twice_and_reinstating_the_active_is_refused(account: Any, connie: Any) -> None:
    with pytest.raises(IllegalMove):
        reinstate_account(account_id=account("1000").pk, actor=connie)
    retire_account(account_id=account("1000").pk, actor=connie)
    with pytest.raises(IllegalMove):
        retire_account(account_id=account("1000").pk, actor=connie)
    with pytest.raises(TextInvalid):
        rename_account(account_id=account("1000").pk, name=" ", actor=connie)
    with pytest.raises(NotVisible):
        rename_account(account_id=10**9, name="Nothing", actor=connie)
