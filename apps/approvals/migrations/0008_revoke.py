import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


def count_as_used(apps, schema_editor):
    """Whether approvals of before were acted upon is not on record: they count as if they were.

    So none of them is revoked after its entry was posted.
    """
    Request = apps.get_model("approvals", "Request")
    Use = apps.get_model("approvals", "Use")
    approved = Request.objects.filter(status="approved").values_list("pk", flat=True)
    Use.objects.bulk_create(
        (Use(request_id=pk) for pk in approved.iterator(chunk_size=10_000)), batch_size=10_000
    )


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0007_clocks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Use',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('used_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='use', to='approvals.request')),
                ('used_by', models.ForeignKey(help_text='Empty: approved before this was kept, and counted as acted upon.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AlterField(
            model_name='historicalrequest',
            name='status',
            field=models.CharField(choices=[('pending', 'Waiting for a decision'), ('blocked_no_approver', 'Nobody can approve'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('returned', 'Returned for changes'), ('withdrawn', 'Withdrawn'), ('revoked', 'Revoked'), ('superseded', 'Superseded by a newer version'), ('expired', 'Expired')], default='pending', max_length=20),
        ),
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('blocked', 'Nobody can approve'), ('reopened', 'It can be approved again'), ('reminder', 'It waits for your decision'), ('escalated', 'Nobody decided in time: others may now'), ('overdue', 'Nobody decided in time'), ('expired', 'It expired'), ('revoked', 'The approval was revoked')], max_length=20),
        ),
        migrations.AlterField(
            model_name='request',
            name='status',
            field=models.CharField(choices=[('pending', 'Waiting for a decision'), ('blocked_no_approver', 'Nobody can approve'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('returned', 'Returned for changes'), ('withdrawn', 'Withdrawn'), ('revoked', 'Revoked'), ('superseded', 'Superseded by a newer version'), ('expired', 'Expired')], default='pending', max_length=20),
        ),
        migrations.RunPython(count_as_used, migrations.RunPython.noop),
    ]
