"""A match group names its records itself; the rows of match items go."""

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

_TABLE = "reconciliation_matchgroup"
_MOVE = """
    UPDATE reconciliation_matchgroup SET left_ids = held.left_ids, right_ids = held.right_ids
    FROM (
      SELECT run_id, group_number,
             coalesce(array_agg(record_id ORDER BY record_id) FILTER (WHERE side = 'left'), '{}')
               AS left_ids,
             coalesce(array_agg(record_id ORDER BY record_id) FILTER (WHERE side = 'right'), '{}')
               AS right_ids
      FROM reconciliation_matchitem
      GROUP BY run_id, group_number
    ) AS held
    WHERE held.run_id = reconciliation_matchgroup.run_id
      AND held.group_number = reconciliation_matchgroup.number
"""
# What an item was allotted was always its amount in the left side's sense: nothing is lost.
_ALLOTTED_OTHERWISE = """
    SELECT count(*) FROM reconciliation_matchitem item
    JOIN ingestion_record record ON record.id = item.record_id
    WHERE abs(item.allocated) <> abs(record.amount)
"""


_LEFT_BEHIND = """
    SELECT (SELECT count(*) FROM reconciliation_matchitem)
           - (SELECT coalesce(sum(cardinality(left_ids) + cardinality(right_ids)), 0)
              FROM reconciliation_matchgroup)
"""


def move(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_ALLOTTED_OTHERWISE)
        (count,) = cursor.fetchone()
        if count:
            raise RuntimeError(f"{count} match items were allotted another amount than their own.")
        # Facts that no longer change otherwise: the guard stands aside.
        cursor.execute(f"ALTER TABLE {_TABLE} DISABLE TRIGGER USER")
        cursor.execute(_MOVE)
        cursor.execute(_LEFT_BEHIND)
        (count,) = cursor.fetchone()
        if count:
            raise RuntimeError(f"{count} match items belong to no group.")
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            [_TABLE],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {_TABLE} ENABLE ALWAYS TRIGGER "{name}"')
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refuse(apps, schema_editor):
    if apps.get_model("reconciliation", "MatchGroup").objects.exists():
        raise IrreversibleError("Groups hold their records; rows of items are not made again.")


def _ids(side):
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.BigIntegerField(),
        default=list,
        help_text=f"Records of the {side}, ascending.",
        size=None,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0009_shards"),
    ]

    operations = [
        migrations.AddField("matchgroup", "left_ids", _ids("left"), preserve_default=False),
        migrations.AddField("matchgroup", "right_ids", _ids("right"), preserve_default=False),
        migrations.RunPython(move, refuse),
        migrations.DeleteModel("MatchItem"),
    ]
