from __future__ import annotations

from django.db import migrations

# The safety net under lost wake-ups: once a minute.
NAME = "videogen.tasks.sweep"


def create(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    if not schedules.filter(name=NAME).exists():
        schedules.create(name=NAME, func=NAME, schedule_type="I", minutes=1, repeats=-1)


def remove(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(create, remove)]
