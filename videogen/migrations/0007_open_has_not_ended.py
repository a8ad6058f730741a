from __future__ import annotations

from django.db import migrations, models
from django.db.models import F

OPEN = ["queued", "submitting", "running", "downloading"]


def make_it_so(apps, schema_editor):
    renders = apps.get_model("videogen", "VideoRender").objects
    renders.filter(state__in=OPEN).exclude(ended_at=None).update(ended_at=None)
    renders.filter(ended_at=None).exclude(state__in=OPEN).update(ended_at=F("state_since"))


class Migration(migrations.Migration):
    dependencies = [("videogen", "0006_standings")]

    operations = [
        migrations.RunPython(make_it_so, migrations.RunPython.noop, elidable=True),
    ]
