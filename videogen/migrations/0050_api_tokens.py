
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storybook', '0003_scenelet_place'),
        ('videogen', '0048_reviewer_group'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='renderbatch',
            name='door',
            field=models.CharField(choices=[('command', 'command line'), ('admin', 'admin'), ('api', 'API')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='videorender',
            index=models.Index(condition=models.Q(('reviewed_at__isnull', False)), fields=['reviewed_at'], name='reviewed_renders'),
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The program or machine that uses it.', max_length=100)),
                ('scope', models.CharField(choices=[('read', 'read: look at everything'), ('review', 'review: read, and change what costs nothing'), ('spend', 'spend: review, and render videos')], default='read', max_length=10)),
                ('token_sha256', models.CharField(editable=False, max_length=64, unique=True)),
                ('ending', models.CharField(editable=False, help_text='Its last characters, to tell it from others.', max_length=4)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('user', models.ForeignKey(help_text='In whose name it acts: it may do what this person may do.', on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'API token',
                'ordering': ['-made_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='ApiAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('request_sha256', models.CharField(help_text='Of the address and the body.', max_length=64)),
                ('worker', models.CharField(help_text='The process that works on the request.', max_length=200)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('status', models.PositiveSmallIntegerField(blank=True, help_text='Empty: somebody is still at work.', null=True)),
                ('headers', models.JSONField(default=dict)),
                ('body', models.TextField(blank=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['made_at'], name='api_answers_by_age')],
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='one_answer_per_person_and_key')],
            },
        ),
        migrations.CreateModel(
            name='OutgoingEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(choices=[('batch.ended', 'batch ended'), ('take.made', 'take made'), ('take.approved', 'take approved'), ('take.rejected', 'take rejected'), ('film.made', 'film made')], max_length=20)),
                ('key', models.CharField(help_text='What happened: it is told only once.', max_length=200, unique=True)),
                ('data', models.JSONField(default=dict, help_text='What the receiver reads.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('webhook_sent_at', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='That did not arrive.')),
                ('next_attempt_at', models.DateTimeField(blank=True, help_text='Empty: nothing is left to send.', null=True)),
                ('last_error', models.TextField(blank=True)),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='storybook.story')),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['next_attempt_at'], name='events_to_send')],
            },
        ),
    ]
