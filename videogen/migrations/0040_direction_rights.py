from __future__ import annotations

from django.db import migrations

VIEW = ["view_direction"]
WRITE = [*VIEW, "add_direction", "change_direction"]
# Whoever may change what a shot says may also direct it.
GROUPS = {"viewer": VIEW, "artist": WRITE, "producer": WRITE}


def create(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects
    for name, codes in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(*(_permission(apps, code) for code in codes))


def _permission(apps, codename):
    verb, _, model = codename.partition("_")
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="videogen", model=model
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": f"Can {verb} {model}"}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0039_directions"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Somebody may have put people into the groups: going back leaves them.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
