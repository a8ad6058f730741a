from __future__ import annotations

import re

from django.db import migrations, models

# As pauses put it until now; from now on the facts are kept beside the sentence.
LISTED = re.compile(r"(?:The key has|Google publishes): (.+?)\.(?=\s|$)")
MISSING = re.compile(r"([\w.-]*\w) (?:was chosen for|comes from) ")


def fill(apps, schema_editor):
    lanes = apps.get_model("videogen", "Lane").objects.using(schema_editor.connection.alias)
    for lane in lanes.filter(pause_code="model_not_found"):
        if missing := MISSING.findall(lane.pause_reason):
            # The last one: before it stands what the API said.
            lane.pause_details["missing_model"] = missing[-1]
        if listed := LISTED.search(lane.pause_reason):
            names = [each.strip() for each in listed[1].split(",")]
            lane.pause_details["models"] = [each for each in names if " " not in each]
        lane.save(update_fields=["pause_details"])


class Migration(migrations.Migration):
    dependencies = [("videogen", "0020_people_with_references")]

    operations = [
        migrations.AddField(
            model_name="lane",
            name="pause_details",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="For programs. Of a missing model: missing_model, and models, which the "
                "account has where the API told them.",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
