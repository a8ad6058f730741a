from __future__ import annotations

from django.db import migrations

# All that a viewer may look at.
VIEW = {
    "storybook": ["story", "designdocument", "scenelet", "shot", "picture", "keyframe"],
    "videogen": [
        "videorender", "renderbatch", "submission", "lane", "referencechoice", "price", "budget",
        "notice", "videomodel", "videoformat", "direction", "takenote",
    ],
}
SEE_NOTES = ["videogen.view_takenote"]
WRITE_NOTES = [*SEE_NOTES, "videogen.add_takenote", "videogen.change_takenote"]
GROUPS = {
    "viewer": SEE_NOTES,
    "artist": WRITE_NOTES,
    "producer": WRITE_NOTES,
    # Gives verdicts and notes, and spends nothing.
    "reviewer": [
        *(f"{app}.view_{model}" for app, models in VIEW.items() for model in models),
        *WRITE_NOTES,
        "videogen.review_video",
    ],
}
REVIEW_NAME = "Can select, approve and reject takes"


def create(apps, schema_editor):
    """As the first groups' own migration: the permissions are made here where they do not exist
    yet."""
    groups = apps.get_model("auth", "Group").objects
    for name, codes in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(*(_permission(apps, code) for code in codes))


def _permission(apps, code):
    app, codename = code.split(".")
    verb, _, model = codename.partition("_")
    name = f"Can {verb} {model}"
    if codename == "review_video":
        model, name = "videorender", REVIEW_NAME
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=app, model=model
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": name}
    )
    return permission


class Migration(migrations.Migration):
    dependencies = [
        ("videogen", "0047_take_notes"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    # Somebody may have put people into the groups: going back leaves them.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
