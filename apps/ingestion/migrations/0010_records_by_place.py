"""Large imports lie together by batch and day: no index of each of their records by its day.

Nothing was found by the index of external ids: who looks for one looks for references as well.
"""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0009_records_in_partitions"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="record", name="record_by_day"),
        migrations.RemoveIndex(model_name="record", name="record_by_batch"),
        migrations.RemoveIndex(model_name="record", name="record_by_external_id"),
        migrations.AddIndex(
            model_name="record",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["source", "batch", "booked_on"],
                name="record_by_place",
            ),
        ),
        migrations.RunSQL(
            "CREATE INDEX record_by_day ON ingestion_record_p0 (source_id, booked_on)",
            "DROP INDEX record_by_day",
        ),
    ]
