from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videogen', '0044_prompt_profile'),
    ]

    operations = [
        migrations.AddField(
            model_name='renderbatch',
            name='aspect_ratio',
            field=models.CharField(blank=True, help_text='Empty: the one of the settings.', max_length=10),
        ),
        migrations.AddField(
            model_name='renderbatch',
            name='duration_seconds',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Empty: the one of the settings.', null=True, verbose_name='length in seconds'),
        ),
        migrations.AddField(
            model_name='renderbatch',
            name='promotes',
            field=models.BooleanField(default=False, editable=False, help_text='It sends the requests of takes again, as final takes.'),
        ),
        migrations.AddField(
            model_name='renderbatch',
            name='resolution',
            field=models.CharField(blank=True, help_text='Empty: the one of the settings.', max_length=10),
        ),
        migrations.AddField(
            model_name='storysettings',
            name='draft_model',
            field=models.CharField(blank=True, help_text='For drafts. Empty: the cheapest one with a known price.', max_length=100),
        ),
        migrations.AddField(
            model_name='storysettings',
            name='draft_resolution',
            field=models.CharField(blank=True, help_text="Of drafts. Empty: that of the draft model's price.", max_length=10),
        ),
        migrations.AddField(
            model_name='storysettings',
            name='resolution',
            field=models.CharField(blank=True, help_text='Of final takes. Empty: VIDEO_RESOLUTION.', max_length=10),
        ),
        migrations.AlterField(
            model_name='storysettings',
            name='model',
            field=models.CharField(blank=True, help_text='For final takes, and wherever nobody chooses another. Empty: VIDEO_MODEL.', max_length=100),
        ),
    ]
