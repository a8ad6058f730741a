import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('videogen', '0046_batch_numbers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TakeNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('frame', models.PositiveIntegerField(blank=True, help_text="Counts from 0, at the take's own rate.", null=True)),
                ('x', models.FloatField(blank=True, help_text="From the left, of the picture's width.", null=True)),
                ('y', models.FloatField(blank=True, help_text='From the top, of its height.', null=True)),
                ('width', models.FloatField(blank=True, help_text="Of a box, of the picture's width.", null=True)),
                ('height', models.FloatField(blank=True, help_text='Of a box, of its height.', null=True)),
                ('text', models.TextField(max_length=2000)),
                ('author_name', models.CharField(help_text='As it was when it was written.', max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('done_by_name', models.CharField(blank=True, max_length=150)),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('direction', models.ForeignKey(blank=True, help_text='The direction that somebody made of it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='videogen.direction')),
                ('parent', models.ForeignKey(blank=True, help_text='The note that this one replies to.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='replies', to='videogen.takenote')),
                ('render', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='videogen.videorender')),
            ],
            options={
                'ordering': ['frame', 'pk'],
                'indexes': [models.Index(condition=models.Q(('done_at', None), ('parent', None)), fields=['render'], name='open_notes_by_take')],
                'constraints': [models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='note_has_words'), models.CheckConstraint(condition=models.Q(models.Q(('frame__isnull', False), ('parent', None)), models.Q(('done_at', None), ('frame', None), ('parent__isnull', False), ('x', None)), _connector='OR'), name='note_has_a_frame_and_a_reply_has_none'), models.CheckConstraint(condition=models.Q(models.Q(('height', None), ('width', None), ('x', None), ('y', None)), models.Q(models.Q(('x__isnull', False), ('y__isnull', False), ('x__gte', 0), ('x__lte', 1), ('y__gte', 0), ('y__lte', 1)), ('height', None), ('width', None)), models.Q(models.Q(('x__isnull', False), ('y__isnull', False), ('x__gte', 0), ('x__lte', 1), ('y__gte', 0), ('y__lte', 1)), ('height__isnull', False), ('width__isnull', False), ('height__gt', 0), ('width__gt', 0), ('height__lte', django.db.models.expressions.CombinedExpression(models.Value(1.000001), '-', models.F('y'))), ('width__lte', django.db.models.expressions.CombinedExpression(models.Value(1.000001), '-', models.F('x')))), _connector='OR'), name='note_is_within_the_picture')],
            },
        ),
    ]
