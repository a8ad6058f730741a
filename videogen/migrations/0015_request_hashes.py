from __future__ import annotations

from django.db import migrations

from videogen.fingerprints import hashes_of

AT_ONCE = 200
READ = (
    "prompt_text",
    "references",
    "model",
    "aspect_ratio",
    "resolution",
    "duration_seconds",
    "reference_type",
)


def fill(apps, schema_editor):
    """In the order of the keys, a few at a time: prompts are long."""
    renders = apps.get_model("videogen", "VideoRender").objects.using(schema_editor.connection.alias)
    last = 0
    while True:
        rows = list(
            renders.filter(pk__gt=last, content_sha256="")
            .exclude(prompt_text="")
            .only(*READ)
            .order_by("pk")[:AT_ONCE]
        )
        if not rows:
            return
        for row in rows:
            for name, value in hashes_of(row).items():
                setattr(row, name, value)
        renders.bulk_update(rows, ["content_sha256", "request_sha256"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("videogen", "0014_blocked_audio")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
