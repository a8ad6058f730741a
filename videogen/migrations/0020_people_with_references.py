from __future__ import annotations

from django.db import migrations

# The video generation guide of the Gemini API: "allow_all" without pictures only.
MODELS = [
    "veo-3.1-generate-preview",
    "veo-3.1-fast-generate-preview",
]


def fill(apps, schema_editor):
    models = apps.get_model("videogen", "VideoModel").objects.using(schema_editor.connection.alias)
    models.filter(name__in=MODELS, reference_person_generation="").update(
        reference_person_generation="allow_adult"
    )


class Migration(migrations.Migration):
    dependencies = [("videogen", "0019_reference_person_generation")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
