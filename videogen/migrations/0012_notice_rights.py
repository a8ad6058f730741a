from __future__ import annotations

from django.db import migrations

GROUPS = ("viewer", "artist", "producer")


def grant(apps, schema_editor):
    """Django makes the permissions after all migrations, by a signal: one that does not exist yet
    is made here, as the signal would."""
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="videogen", model="notice"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename="view_notice", defaults={"name": "Can view notice"}
    )
    # A group that somebody has removed is not made again.
    for group in apps.get_model("auth", "Group").objects.filter(name__in=GROUPS):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0009_never_pay_twice"),
        ("videogen", "0004_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
