"""The chart of accounts."""

from __future__ import annotations

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove, Invalid
from apps.identity.models import User
from apps.ledger.errors import AccountExists, TextInvalid
from apps.ledger.locks import account_for_update, hold_chart
from apps.ledger.models import Account
from apps.ledger.permissions import MANAGE_CHART
from apps.ledger.services.drafts import require_text
from apps.ledger.services.scope import visible_entity
from apps.ledger.states import AccountType, NormalBalance


@transaction.atomic
def define_account(
    *, entity_id: int, code: str, name: str, account_type: str, normal_balance: str, actor: User
) -> Account:
    """Add an account to the entity's chart.

    Args:
        account_type: asset, liability, equity, revenue or expense.
        normal_balance: debit or credit; a contra account has the other one than its type.

    Raises:
        NotVisible, NotPermitted: not this actor.
        AccountExists: the code is taken.
        Invalid, TextInvalid: type, side, code or name is not acceptable.
    """
    entity = visible_entity(entity_id, actor)
    authorize(actor, MANAGE_CHART, entity_id=entity.pk)
    if account_type not in AccountType.values:
        raise Invalid("There is no such type of account.", field="account_type")
    if normal_balance not in NormalBalance.values:
        raise Invalid("The normal balance is debit or credit.", field="normal_balance")
    hold_chart(entity.pk)
    if Account.objects.filter(entity=entity, code=code).exists():
        raise AccountExists(field="code")
    account = Account(
        entity=entity,
        code=_require_words("code", code),
        name=_require_words("name", name),
        type=account_type,
        normal_balance=normal_balance,
    )
    account._history_user = actor
    account.save()
    record(
        actor=actor, action="ledger.account.define", subject=account, code=code, type=account.type
    )
    return account


@transaction.atomic
def rename_account(*, account_id: int, name: str, actor: User) -> Account:
    """Give an account another name; its code stays.

    Raises:
        NotVisible, NotPermitted: not this actor.
        TextInvalid: the name is empty or too long.
    """
    account = _account_to_manage(account_id, actor)
    former, account.name = account.name, _require_words("name", name)
    account._history_user = actor
    account.save(update_fields=["name"])
    record(actor=actor, action="ledger.account.rename", subject=account, former=former, name=name)
    return account


@transaction.atomic
def retire_account(*, account_id: int, actor: User) -> Account:
    """Let an account take no new lines; what was posted stays, and can be reversed.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired.
    """
    account = _account_to_manage(account_id, actor)
    if not account.is_active:
        raise IllegalMove("This account is retired already.")
    account.is_active = False
    account._history_user = actor
    account.save(update_fields=["is_active"])
    record(actor=actor, action="ledger.account.retire", subject=account)
    return account


@transaction.atomic
def reinstate_account(*, account_id: int, actor: User) -> Account:
    """Let a retired account take lines again.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not retired.
    """
    account = _account_to_manage(account_id, actor)
    if account.is_active:
        raise IllegalMove("This account is not retired.")
    account.is_active = True
    account._history_user = actor
    account.save(update_fields=["is_active"])
    record(actor=actor, action="ledger.account.reinstate", subject=account)
    return account


def _account_to_manage(account_id: int, actor: User) -> Account:
    account = account_for_update(account_id, actor=actor)
    authorize(actor, MANAGE_CHART, entity_id=account.entity_id)
    return account


def _require_words(field: str, value: str) -> str:
    if not value.strip():
        raise TextInvalid(f"The {field} is empty.", field=field)
    return require_text(Account, field, value)
