from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

# Until now the batch of these notices was told by their key alone: kind:batch[:…].
KINDS = ("batch_finished", "clip_expires")


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    batches = set(
        apps.get_model("videogen", "RenderBatch").objects.using(alias).values_list("pk", flat=True)
    )
    notices = apps.get_model("videogen", "Notice").objects.using(alias)
    for notice in notices.filter(kind__in=KINDS).only("key"):
        _, number, *_ = (*notice.key.split(":"), "")
        if number.isdecimal() and int(number) in batches:
            notices.filter(pk=notice.pk).update(batch=int(number))


class Migration(migrations.Migration):
    dependencies = [("videogen", "0024_uses_key_frames")]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="batch",
            field=models.ForeignKey(
                blank=True,
                help_text="The batch that it is about.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="videogen.renderbatch",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
