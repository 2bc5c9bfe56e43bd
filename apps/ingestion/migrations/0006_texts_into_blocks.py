"""Opens what records hold sealed column by column and seals it again in blocks."""

import polars as pl
from django.db import migrations
from django.db.migrations.exceptions import IrreversibleError

from apps.privacy.blocks import sealed_blocks
from apps.privacy.selectors import key_ring

_COLUMNS = ("counterparty", "narrative", "attributes")


def move(apps, schema_editor):
    Batch = apps.get_model("ingestion", "Batch")
    ring = key_ring()
    with schema_editor.connection.cursor() as cursor:
        # Positions are set on facts that no longer change otherwise: the guard stands aside.
        cursor.execute("ALTER TABLE ingestion_record DISABLE TRIGGER USER")
        for batch_id in Batch.objects.order_by("pk").values_list("pk", flat=True):
            _move_batch(cursor, batch_id, ring)
        cursor.execute(
            "SELECT tgname FROM pg_trigger"
            " WHERE tgrelid = 'ingestion_record'::regclass AND NOT tgisinternal"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE ingestion_record ENABLE ALWAYS TRIGGER "{name}"')
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _move_batch(cursor, batch_id, ring):
    cursor.execute(
        "SELECT counterparty_sealed, narrative_sealed, attributes_sealed FROM ingestion_record"
        " WHERE batch_id = %s ORDER BY id",
        [batch_id],
    )
    rows = cursor.fetchall()
    texts = pl.DataFrame(
        {
            name: ring.unseal_many(
                (bytes(row[index]) for row in rows), f"ingestion.record.{name}"
            )
            for index, name in enumerate(_COLUMNS)
        },
        schema=dict.fromkeys(_COLUMNS, pl.String()),
    )
    blocks = sealed_blocks(texts, f"ingestion.record.texts:{batch_id}", ring)
    cursor.executemany(
        "INSERT INTO ingestion_sealedblock (batch_id, number, sealed) VALUES (%s, %s, %s)",
        [(batch_id, number, sealed) for number, sealed in enumerate(blocks)],
    )
    cursor.execute(
        "UPDATE ingestion_record SET position = placed.position FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) - 1 AS position FROM ingestion_record"
        "  WHERE batch_id = %s) AS placed WHERE placed.id = ingestion_record.id",
        [batch_id],
    )


def refuse(apps, schema_editor):
    if apps.get_model("ingestion", "Record").objects.exists():
        raise IrreversibleError(
            "The texts of records lie in blocks and are not sealed one by one again."
        )


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0005_sealed_blocks"),
    ]

    operations = [
        migrations.RunPython(move, refuse),
        *(
            migrations.RemoveField(model_name="record", name=f"{column}_sealed")
            for column in _COLUMNS
        ),
    ]
