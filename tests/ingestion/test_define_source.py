"""Setting up sources, changing their mapping, retiring them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.ingestion.errors import SourceExists, SourceInvalid, SourceRetired
from apps.ingestion.models import Source
from apps.ingestion.services import change_mapping, define_source, import_file, retire_source
from tests.ingestion.conftest import ACCOUNT, ANNA, MAPPING, table


def test_a_controller_defines_a_source(entity: Any, connie: Any) -> None:
    source = define_source(
        entity_id=entity.pk,
        code="bank-2",
        name=" Second bank ",
        format="camt",
        account_number=ACCOUNT,
        drop_path="{period}/bank.xml",
        actor=connie,
    )
    kept = Source.objects.get(pk=source.pk)
    assert (kept.code, kept.name, kept.format, kept.mapping) == (
        "bank-2",
        "Second bank",
        "camt",
        {},
    )
    assert (kept.account_number, kept.drop_path, kept.is_active) == (
        ACCOUNT,
        "{period}/bank.xml",
        True,
    )
    event = Event.objects.get(action="ingestion.source.define")
    assert (event.actor, event.entity, event.subject_id) == (connie, entity, str(source.pk))
    assert source.history.count() == 1


def test_the_account_number_is_encrypted_at_rest(define: Any) -> None:
    define("bank", account_number=ACCOUNT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_number FROM ingestion_source")
        stored = bytes(cursor.fetchone()[0])
        cursor.execute("SELECT account_number FROM ingestion_historicalsource")
        remembered = bytes(cursor.fetchone()[0])
    assert stored.startswith(b"gAAAA")
    assert ACCOUNT.encode() not in stored + remembered


REFUSED_DEFINITIONS: list[tuple[dict[str, Any], type[Refusal], str]] = [
    ({"code": ""}, SourceInvalid, "code"),
    ({"code": "two words"}, SourceInvalid, "code"),
    ({"code": "x" * 51}, SourceInvalid, "code"),
    ({"code": "taken"}, SourceExists, "code"),
    ({"name": "  "}, SourceInvalid, "name"),
    ({"name": "x" * 201}, SourceInvalid, "name"),
    ({"name": "nul\0"}, SourceInvalid, "name"),
    ({"format": "xls"}, SourceInvalid, "format"),
    ({"drop_path": "/etc/passwd"}, SourceInvalid, "drop_path"),
    ({"drop_path": "{period}/../../other/file.csv"}, SourceInvalid, "drop_path"),
    ({"mapping": ["columns"]}, SourceInvalid, "mapping"),
    ({"mapping": {"colums": {}}}, SourceInvalid, "mapping"),
    ({"mapping": {**MAPPING, "decimal": 5}}, SourceInvalid, "mapping"),
    ({"mapping": {"columns": {"booked_on": "nul\0", "amount": "a"}}}, SourceInvalid, "mapping"),
]


@pytest.mark.parametrize(("changes", "refusal", "field"), REFUSED_DEFINITIONS)
def test_definitions_that_do_not_work_are_refused(
    changes: dict[str, Any],
    refusal: type[Refusal],
    field: str,
    entity: Any,
    connie: Any,
    define: Any,
    table_counts: Any,
) -> None:
    define("taken")
    before = table_counts()
    with pytest.raises(refusal) as caught:
        define_source(
            **{"entity_id": entity.pk, "code": "new", "name": "New", "actor": connie, **changes}
        )
    assert caught.value.field == field
    assert caught.value.message
    assert table_counts() == before


def test_a_fault_in_a_mapping_is_named_with_its_key(define: Any) -> None:
    with pytest.raises(SourceInvalid, match=r"columns\.amount"):
        define("sales", mapping={"columns": {"booked_on": "date"}})


@pytest.mark.parametrize("who", ["alice", "rita", "bob", "otto", "ada", "ivy"])
def test_only_controllers_define_sources(
    who: str, request: Any, entity: Any, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(NotPermitted):
        define_source(entity_id=entity.pk, code="new", name="New", actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize("who", ["charlie", "victor"])
def test_to_strangers_the_entity_does_not_exist(who: str, request: Any, entity: Any) -> None:
    with pytest.raises(NotVisible):
        define_source(
            entity_id=entity.pk, code="new", name="New", actor=request.getfixturevalue(who)
        )
    assert not Source.objects.exists()


def test_the_same_code_is_free_in_another_entity(
    sales: Source, other_entity: Any, charlie: Any
) -> None:
    twin = define_source(entity_id=other_entity.pk, code=sales.code, name="Sales", actor=charlie)
    assert twin.pk != sales.pk


def test_a_mapping_is_changed_with_its_event_and_history(sales: Source, connie: Any) -> None:
    wanted = {**MAPPING, "decimal": ","}
    changed = change_mapping(source_id=sales.pk, mapping=wanted, actor=connie)
    assert changed.mapping == wanted
    assert sales.history.count() == 2
    assert Event.objects.get(action="ingestion.source.remap").details["mapping"] == wanted


def test_the_mapping_that_is_there_changes_nothing(
    sales: Source, connie: Any, table_counts: Any
) -> None:
    before = table_counts()
    change_mapping(source_id=sales.pk, mapping=dict(MAPPING), actor=connie)
    assert table_counts() == before


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_mapping_can_be_taken_away(nothing: Any, sales: Source, connie: Any) -> None:
    assert change_mapping(source_id=sales.pk, mapping=nothing, actor=connie).mapping == {}


@pytest.mark.parametrize(
    ("who", "mapping", "refusal"),
    [
        ("alice", MAPPING, NotPermitted),
        ("charlie", MAPPING, NotVisible),
        ("victor", MAPPING, NotVisible),
        ("connie", {"columns": {"nonsense": "x"}}, SourceInvalid),
    ],
)
def test_changes_of_a_mapping_that_are_refused(
    who: str,
    mapping: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    sales: Source,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        change_mapping(source_id=sales.pk, mapping={**mapping, "encoding": "utf-8"}, actor=actor)
    assert table_counts() == before
    assert Source.objects.get(pk=sales.pk).mapping == MAPPING


def test_a_retired_source_takes_no_files_and_no_changes(
    sales: Source, connie: Any, alice: Any, bring: Any, table_counts: Any
) -> None:
    bring(sales, table(ANNA))
    retire_source(source_id=sales.pk, actor=connie)
    assert Event.objects.filter(action="ingestion.source.retire").count() == 1
    before = table_counts()
    with pytest.raises(SourceRetired):
        import_file(source_id=sales.pk, filename="f", content=table(), actor=alice)
    with pytest.raises(SourceRetired):
        change_mapping(source_id=sales.pk, mapping={}, actor=connie)
    with pytest.raises(SourceRetired):
        retire_source(source_id=sales.pk, actor=connie)
    assert table_counts() == before


def test_only_controllers_retire_sources(sales: Source, alice: Any, charlie: Any) -> None:
    with pytest.raises(NotPermitted):
        retire_source(source_id=sales.pk, actor=alice)
    with pytest.raises(NotVisible):
        retire_source(source_id=sales.pk, actor=charlie)
    assert Source.objects.get(pk=sales.pk).is_active
