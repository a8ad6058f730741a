import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videogen', '0051_poll_times'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WipedStory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('story_id', models.CharField(db_index=True, help_text='As it was imported.', max_length=200)),
                ('title', models.CharField(blank=True, max_length=500)),
                ('wiped_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('archive_name', models.CharField(help_text="The name of the archive's file.", max_length=500)),
                ('archive_sha256', models.CharField(help_text="Of the archive's file.", max_length=64)),
                ('last_batch_number', models.PositiveIntegerField(default=0, help_text='The highest number of its batches: it is given to no other batch.')),
            ],
            options={
                'verbose_name_plural': 'wiped stories',
                'ordering': ['-wiped_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='KeptCharge',
            fields=[
                ('token', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('requested_by_name', models.CharField(blank=True, max_length=150)),
                ('queued_at', models.DateTimeField(help_text='When its render was asked for.')),
                ('claimed_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(choices=[('claimed', 'not answered yet'), ('accepted', 'accepted'), ('not_charged', 'accepted, ended without a video, not charged'), ('rejected', 'not accepted, not charged'), ('unknown', 'unknown: maybe paid')], max_length=12)),
                ('price_usd', models.DecimalField(decimal_places=2, max_digits=8)),
                ('actual_cost_usd', models.DecimalField(blank=True, decimal_places=2, help_text='Empty: nobody knows.', max_digits=8, null=True)),
                ('is_simulated', models.BooleanField(default=False)),
                ('operation_name', models.CharField(blank=True, max_length=500)),
                ('download_uri', models.TextField(blank=True)),
                ('lane', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='kept_charges', to='videogen.lane')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='charges', to='videogen.wipedstory')),
            ],
            options={
                'ordering': ['-claimed_at'],
                'indexes': [models.Index(fields=['lane', 'claimed_at'], name='kept_charges_of_a_window'), models.Index(fields=['outcome', 'price_usd'], name='spent_kept_charges')],
            },
        ),
    ]
