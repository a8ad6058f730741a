from django.db import migrations, models
from django.db.models import F


def keep_numbers(apps, schema_editor):
    """People know the batches that there are by their primary keys."""
    batches = apps.get_model('videogen', 'RenderBatch').objects.using(schema_editor.connection.alias)
    batches.exclude(status='draft').update(number=F('pk'))


class Migration(migrations.Migration):

    dependencies = [
        ('videogen', '0045_presets'),
    ]

    operations = [
        migrations.AddField(
            model_name='renderbatch',
            name='number',
            field=models.PositiveIntegerField(blank=True, editable=False, help_text='What people call it. A draft has none, so that no number is missing.', null=True, unique=True),
        ),
        migrations.RunPython(keep_numbers, migrations.RunPython.noop),
    ]
