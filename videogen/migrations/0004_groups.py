from __future__ import annotations

from django.db import migrations

VIEW = [
    *(f"storybook.view_{name}" for name in (
        "story", "designdocument", "scenelet", "shot", "picture", "keyframe"
    )),
    *(f"videogen.view_{name}" for name in (
        "videorender", "renderbatch", "submission", "lane", "referencechoice"
    )),
]
EDIT = [
    *(f"storybook.{verb}_{name}" for verb in ("add", "change") for name in (
        "story", "designdocument", "scenelet", "shot", "picture", "keyframe"
    )),
    "storybook.delete_keyframe",
    *(f"videogen.{verb}_referencechoice" for verb in ("add", "change", "delete")),
]
GROUPS = {
    "viewer": VIEW,
    "artist": [*VIEW, *EDIT],
    "producer": [*VIEW, *EDIT, "videogen.generate_video", "videogen.review_video"],
}


def create(apps, schema_editor):
    """The permissions are made by a signal after all migrations: here they may not exist yet."""
    from django.contrib.auth.management import create_permissions

    for label in ("storybook", "videogen"):
        config = apps.get_app_config(label)
        config.models_module = config.models_module or True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = None
    groups = apps.get_model("auth", "Group").objects
    permissions = apps.get_model("auth", "Permission").objects
    for name, codes in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        for code in codes:
            label, codename = code.split(".")
            group.permissions.add(
                permissions.get(content_type__app_label=label, codename=codename)
            )


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0003_reviews_and_drafts"),
        ("storybook", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Somebody may have put people into the groups: going back leaves them.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
