"""Records lie in partitions from now on: those that are there in the first one."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from apps.common.partitions import divide


def divide_records(apps: Any, schema_editor: Any) -> None:
    divide("ingestion_record", schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0008_closed_periods"),
        # The last foreign key that referred to records is gone.
        ("reconciliation", "0011_breaks_checked_at_once"),
    ]

    operations = [
        # Checked once per statement from now on (common.bulk_checks), by the batches: ids do not
        # tell any more which of two records came first.
        migrations.RemoveConstraint(
            model_name="amendment",
            name="amendment_is_the_later_record",
        ),
        migrations.AlterField(
            model_name="amendment",
            name="record",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="amends",
                to="ingestion.record",
            ),
        ),
        migrations.AlterField(
            model_name="amendment",
            name="supersedes",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="amended_by",
                to="ingestion.record",
            ),
        ),
        migrations.RunPython(divide_records),
    ]
