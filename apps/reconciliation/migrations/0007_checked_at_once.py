"""References of match groups and items are checked once per statement (common.bulk_checks)."""

import django.db.models.deletion
from django.db import migrations, models


def _reference(to, related_name):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0006_texts_into_blocks"),
        ("reconciliation", "0006_resolution_rules"),
    ]

    operations = [
        migrations.AlterField("matchgroup", "run", _reference("reconciliation.run", "groups")),
        migrations.AlterField(
            "matchgroup",
            "revision",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="By which people made it by hand; empty: the rules did.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="groups_made",
                to="reconciliation.revision",
            ),
        ),
        migrations.AlterField("matchitem", "run", _reference("reconciliation.run", "+")),
        migrations.AlterField(
            "matchitem", "record", _reference("ingestion.record", "match_items")
        ),
        migrations.RemoveConstraint("matchitem", "once_in_a_group"),
        migrations.RemoveIndex("matchitem", "items_of_group"),
        # In the order in which a run stores its items, so that it also finds those of a group.
        migrations.AddConstraint(
            "matchitem",
            models.UniqueConstraint(
                fields=("run", "group_number", "record"), name="once_in_a_group"
            ),
        ),
        migrations.AddIndex("matchitem", models.Index(fields=["record"], name="item_by_record")),
        # Nothing refers to an item by its id, which the database counts up: a few pages of index
        # over the blocks of the table find it, where a tree over millions of ids is kept row by row.
        migrations.RunSQL(
            "ALTER TABLE reconciliation_matchitem DROP CONSTRAINT reconciliation_matchitem_pkey;"
            "CREATE INDEX item_by_id ON reconciliation_matchitem USING brin (id)"
            " WITH (autosummarize = true)",
            "DROP INDEX item_by_id;"
            "ALTER TABLE reconciliation_matchitem ADD PRIMARY KEY (id)",
        ),
    ]
