"""Personal texts of records move from columns of their own into sealed blocks of their batch."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0004_schedules"),
    ]

    operations = [
        migrations.CreateModel(
            name="SealedBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="From 0.")),
                ("sealed", models.BinaryField()),
                (
                    "batch",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ingestion.batch",
                    ),
                ),
            ],
            options={"ordering": ["batch", "number"]},
        ),
        migrations.AddConstraint(
            model_name="sealedblock",
            constraint=models.UniqueConstraint(
                fields=("batch", "number"), name="one_sealed_block_per_number"
            ),
        ),
        migrations.AddField(
            model_name="record",
            name="position",
            field=models.PositiveIntegerField(
                default=0, help_text="Its place in the batch's sealed blocks."
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="record",
            name="entity",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="identity.entity",
            ),
        ),
        migrations.AlterField(
            model_name="record",
            name="source",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="records",
                to="ingestion.source",
            ),
        ),
        migrations.AlterField(
            model_name="record",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="records",
                to="ingestion.batch",
            ),
        ),
        # Checked once per statement from now on (common.bulk_checks).
        migrations.RemoveConstraint(model_name="record", name="one_record_per_content"),
        migrations.AddIndex(
            model_name="record",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["batch"], name="record_by_batch"
            ),
        ),
    ]
