from __future__ import annotations

import hashlib
import json

from django.db import migrations

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


def hashes_of(row):
    """As the hashes were made when this migration was written, whatever makes them now."""
    text = row.prompt_text
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        pass
    content = _sha256([text, *(picture["sha256"] for picture in row.references)])
    sent = [row.model, row.aspect_ratio, row.resolution, row.duration_seconds, row.reference_type]
    return {"content_sha256": content, "request_sha256": _sha256([content, *sent])}


def _sha256(parts):
    # In ASCII: a lone surrogate has no UTF-8.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


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
