import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videogen', '0042_takes_per_shot'),
    ]

    operations = [
        migrations.CreateModel(
            name='TakeCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('result', models.CharField(blank=True, choices=[('passed', 'passed'), ('notes', 'notes'), ('not_checked', 'not checked')], max_length=12)),
                ('findings', models.JSONField(default=list, help_text='Codes with their parameters.')),
                ('signature', models.BinaryField(default=bytes, help_text='Small pictures of moments of the clip, to compare takes by.')),
                ('version', models.PositiveSmallIntegerField(default=0, help_text='Of the thresholds that it was checked with.')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('worker', models.CharField(blank=True, max_length=200)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('render', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='technical_check', to='videogen.videorender')),
            ],
        ),
    ]
