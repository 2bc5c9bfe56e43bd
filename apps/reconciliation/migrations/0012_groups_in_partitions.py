"""Match groups lie in partitions from now on: those that are there in the first one."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from apps.common.partitions import divide


def divide_groups(apps: Any, schema_editor: Any) -> None:
    divide("reconciliation_matchgroup", schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0011_breaks_checked_at_once"),
    ]

    operations = [
        # Checked once per statement from now on (common.bulk_checks): no unique index spans
        # partitions, and a foreign key would be locked by whoever adds one.
        migrations.RemoveConstraint(
            model_name="matchgroup",
            name="one_group_per_number",
        ),
        migrations.AlterField(
            model_name="grouprevocation",
            name="group",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="revocation",
                to="reconciliation.matchgroup",
            ),
        ),
        migrations.AlterField(
            model_name="writeoff",
            name="group",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="write_offs",
                to="reconciliation.matchgroup",
            ),
        ),
        migrations.AddIndex(
            model_name="matchgroup",
            index=models.Index(fields=["run", "number"], name="group_by_number"),
        ),
        migrations.RunPython(divide_groups),
    ]
