"""What the database refuses by itself, whoever asks and however."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

from apps.audit.models import Event
from apps.audit.services import record
from apps.common import guards
from apps.common.checks import check_every_model_is_guarded
from apps.identity.models import Entity


def fires(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET action = 'x.y.z'",
        "DELETE FROM audit_event",
        "UPDATE identity_historicalentity SET name = 'x'",
        "DELETE FROM approvals_decision",
        "TRUNCATE approvals_decision CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit_event",
    ],
)
def test_facts_stay_as_they_were_written(entity: Any, statement: str) -> None:
    if "approvals_decision" in statement and statement.startswith("DELETE"):
        with connection.cursor() as cursor:  # a row trigger needs a row; an empty table has none
            cursor.execute(statement)
        return
    before = list(Event.objects.values_list("pk", "action"))
    # Only a superuser can pose as a replica at all; the triggers refuse him too.
    with pytest.raises(DatabaseError, match=r"append-only|permission denied to set parameter"):
        fires(statement)
    assert list(Event.objects.values_list("pk", "action")) == before


@pytest.mark.django_db(transaction=True)
def test_the_trail_cannot_be_emptied(entity: Any) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        fires("TRUNCATE audit_event CASCADE")
    assert Event.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda entity: Entity.objects.update(name="changed"),
        lambda entity: Entity.objects.bulk_update([Entity(pk=entity.pk, name="changed")], ["name"]),
        lambda entity: connection.cursor().execute("UPDATE identity_entity SET name = 'changed'"),
    ],
)
def test_a_change_without_an_audit_event_is_refused_at_commit(entity: Any, change: Any) -> None:
    with pytest.raises(DatabaseError, match="without an audit event"), transaction.atomic():
        change(entity)
    entity.refresh_from_db()
    assert entity.name == "Harbour Field Services"


@pytest.mark.django_db(transaction=True)
def test_the_same_change_with_its_event_is_committed(entity: Any, system: Any) -> None:
    with transaction.atomic():
        Entity.objects.update(name="changed")
        record(actor=system, action="identity.entity.rename", subject=entity)
    entity.refresh_from_db()
    assert entity.name == "changed"


@pytest.mark.django_db(transaction=True)
def test_an_event_of_another_transaction_does_not_count(entity: Any, system: Any) -> None:
    with transaction.atomic():
        record(actor=system, action="identity.entity.rename", subject=entity)
    with pytest.raises(DatabaseError, match="without an audit event"), transaction.atomic():
        Entity.objects.update(name="changed")


def test_every_guarded_table_carries_its_triggers(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(inhparent, tgrelid)::regclass::text, tgenabled FROM pg_trigger"
            " LEFT JOIN pg_inherits ON inhrelid = tgrelid WHERE tgname LIKE %s",
            ["finflow_guard_%"],
        )
        found = cursor.fetchall()
    assert {table for table, _ in found} == {guard.table for guard in guards.guards()}
    assert {enabled for _, enabled in found} == {"A"}


def test_every_model_says_how_it_is_guarded() -> None:
    assert check_every_model_is_guarded() == []


def test_a_model_that_says_nothing_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "AUDITED", guards.AUDITED - {Entity})
    (error,) = check_every_model_is_guarded()
    assert isinstance(error, checks.Error)
    assert "identity.Entity" in error.msg


def standing() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        return set(cursor.fetchall())


def test_installing_again_is_one_look(db: None, django_assert_max_num_queries: Any) -> None:
    before = standing()
    with django_assert_max_num_queries(3):  # which tables, partitions and triggers are there
        guards.install_guards()
    assert standing() == before


@pytest.mark.parametrize(
    "older",
    [
        # Triggers as they were named when a version was counted by hand.
        'ALTER TRIGGER "{name}" ON identity_entity RENAME TO finflow_guard_3',
        'ALTER TRIGGER "{name}" ON identity_entity RENAME TO finflow_guard_event_01234567',
        # A guard that no model asks for any more.
        "CREATE TRIGGER finflow_guard_kept BEFORE DELETE ON identity_entity"
        " FOR EACH ROW EXECUTE FUNCTION finflow_refuse_deletion()",
        'DROP TRIGGER "{name}" ON identity_entity',
    ],
)
def test_migrate_puts_guards_in_the_place_of_older_ones(db: None, older: str) -> None:
    before = standing()
    (name,) = [name for table, name in before if table == "identity_entity"]
    with connection.cursor() as cursor:
        cursor.execute(older.format(name=name))
    assert standing() != before
    call_command("migrate", verbosity=0)
    assert standing() == before


def test_a_change_of_a_function_replaces_every_guard(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = standing()
    changed = guards._FUNCTIONS.replace("is append-only", "stays as it was written")
    monkeypatch.setattr(guards, "_FUNCTIONS", changed)
    call_command("migrate", verbosity=0)
    ours = {(table, name) for table, name in before if name.startswith("finflow_guard_")}
    assert ours.isdisjoint(standing())
    assert len(standing()) == len(before)
    with pytest.raises(DatabaseError, match="stays as it was written"):
        fires("TRUNCATE identity_historicalentity")


def test_some_columns_of_a_fact_may_be_left_free() -> None:
    class Leased(models.Model):  # noqa: DJ008 - never stored
        fact = models.IntegerField()
        lease = models.IntegerField()

        class Meta:
            app_label = "common"
            managed = False

    guards.append_only(except_columns=("lease",))(Leased)
    try:
        (change,) = [
            guard
            for guard in guards.guards()
            if (guard.table, guard.name) == ("common_leased", "change")
        ]
        assert change.event == 'BEFORE DELETE OR UPDATE OF "id", "fact"'
    finally:
        del guards.APPEND_ONLY[Leased]
