from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storybook', '0003_scenelet_place'),
        ('videogen', '0041_review_reasons'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='videorender',
            name='one_open_render_per_shot',
        ),
        migrations.AddField(
            model_name='renderbatch',
            name='stops_when_approved',
            field=models.BooleanField(default=False, help_text='What is not sent yet is cancelled. What was sent stays paid.', verbose_name='stop the rest of a shot once one is approved'),
        ),
        migrations.AddField(
            model_name='renderbatch',
            name='takes_per_shot',
            field=models.PositiveSmallIntegerField(default=1, help_text='How many takes of each shot are asked for at once.'),
        ),
        migrations.AddField(
            model_name='videorender',
            name='slot',
            field=models.PositiveSmallIntegerField(default=1, help_text='Counts the takes that a batch asks for at once for the shot, from 1.'),
        ),
        migrations.AddConstraint(
            model_name='renderbatch',
            constraint=models.CheckConstraint(condition=models.Q(('takes_per_shot__gte', 1), ('takes_per_shot__lte', 4)), name='takes_per_shot_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='videorender',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'generation'), ('state__in', ['queued', 'submitting', 'running', 'downloading'])), fields=('shot', 'slot'), name='one_open_render_per_shot_and_slot'),
        ),
    ]
