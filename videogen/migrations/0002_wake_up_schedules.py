from __future__ import annotations

from django.db import migrations

# The safety net under lost wake-ups: once a minute.
NAMES = ("videogen.tasks.pump", "videogen.tasks.download")


def create(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    for name in NAMES:
        if not schedules.filter(name=name).exists():
            schedules.create(name=name, func=name, schedule_type="I", minutes=1, repeats=-1)


def remove(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.filter(name__in=NAMES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(create, remove)]
