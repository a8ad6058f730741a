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


NAMES = {
    "generate_video": "Can generate videos (spends money)",
    "review_video": "Can select, approve and reject takes",
}


def create(apps, schema_editor):
    """Django makes the permissions after all migrations, by a signal: those that do not exist yet
    are made here, as the signal would."""
    groups = apps.get_model("auth", "Group").objects
    for name, codes in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(*(_permission(apps, code) for code in codes))


def _permission(apps, code):
    label, codename = code.split(".")
    model = "videorender" if codename in NAMES else codename.partition("_")[2]
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=label, model=model
    )
    verbose = apps.get_model(label, model)._meta.verbose_name
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind,
        codename=codename,
        defaults={"name": NAMES.get(codename, f"Can {codename.partition('_')[0]} {verbose}")},
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0003_reviews_and_drafts"),
        ("storybook", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Somebody may have put people into the groups: going back leaves them.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
