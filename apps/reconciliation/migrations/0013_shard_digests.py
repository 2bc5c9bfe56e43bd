"""A shard knows over which records it was planned, not only over how many.

One that is at work while this is migrated matches no digest: its run fails, says so, and is started
again.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0012_groups_in_partitions"),
    ]

    operations = [
        migrations.AddField(
            model_name="shard",
            name="digest",
            field=models.CharField(
                default="", help_text="SHA-256 over the ids of its records.", max_length=64
            ),
            preserve_default=False,
        ),
    ]
