from django.db import migrations, models
from django.db.models.functions import Now


def _noted_at(**options):
    return models.DateTimeField(
        null=True,
        editable=False,
        help_text="Empty: noted before the instant was kept.",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("approvals", "0009_reassign")]

    operations = [
        # In two steps: rows from before are not given the instant of the migration.
        migrations.AddField("conflict", "noted_at", _noted_at()),
        migrations.AlterField("conflict", "noted_at", _noted_at(db_default=Now())),
    ]
