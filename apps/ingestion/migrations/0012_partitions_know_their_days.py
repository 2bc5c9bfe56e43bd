"""New partitions have their days as a constraint, and need no index by place.

Those that are there keep theirs; so does the first, which has batches of many sources.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0011_whole_blocks"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="record", name="record_by_place"),
        migrations.RunSQL(
            """
            DO $$
            DECLARE
              part regclass;
            BEGIN
              FOR part IN
                SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ingestion_record'::regclass
              LOOP
                EXECUTE format(
                  'CREATE INDEX ON %s USING brin (source_id, batch_id, booked_on)'
                  ' WITH (autosummarize = true)', part
                );
              END LOOP;
            END $$
            """,
            # The index of the whole table takes them over when it is made again.
            migrations.RunSQL.noop,
        ),
    ]
