from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videogen', '0040_direction_rights'),
    ]

    operations = [
        migrations.AddField(
            model_name='videorender',
            name='review_reasons',
            field=models.CharField(blank=True, help_text='The codes of what is wrong with it, joined by commas.', max_length=200),
        ),
    ]
