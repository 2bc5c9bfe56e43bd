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
        migrations.AlterField("matchitem", "run", _reference("reconciliation.run", "+")),
        migrations.AlterField(
            "matchitem", "record", _reference("ingestion.record", "match_items")
        ),
        migrations.RemoveConstraint("matchitem", "once_in_a_group"),
        migrations.AddConstraint(
            "matchitem",
            models.UniqueConstraint(
                fields=("record", "run", "group_number"), name="once_in_a_group"
            ),
        ),
    ]
