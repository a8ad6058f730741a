import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storybook', '0003_scenelet_place'),
        ('videogen', '0037_guest_links'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Direction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(help_text="Goes into the prompt as it is: a director's note.", max_length=500)),
                ('position', models.PositiveIntegerField(help_text='The order among the directions of its place.')),
                ('author_name', models.CharField(help_text='As it was when it was written.', max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('switched_off_at', models.DateTimeField(blank=True, null=True)),
                ('switched_off_by_name', models.CharField(blank=True, max_length=150)),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('replaces', models.ForeignKey(blank=True, help_text='The direction that this one words anew or switches on again.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='replaced_by', to='videogen.direction')),
                ('scenelet', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='directions', to='storybook.scenelet')),
                ('shot', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='directions', to='storybook.shot')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='directions', to='storybook.story')),
            ],
            options={
                'ordering': ['position', 'pk'],
                'indexes': [models.Index(condition=models.Q(('switched_off_at', None)), fields=['story'], name='directions_on_by_story')],
                'constraints': [models.CheckConstraint(condition=models.Q(('scenelet', None), ('shot', None), _connector='OR'), name='direction_has_one_place'), models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='direction_has_words')],
            },
        ),
    ]
