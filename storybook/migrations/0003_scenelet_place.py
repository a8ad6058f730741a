from itertools import groupby

from django.db import migrations, models


def place_scenelets(apps, schema_editor):
    Scenelet = apps.get_model("storybook", "Scenelet")
    rows = Scenelet.objects.order_by("story_id", "sequence", "pk").only("pk", "story_id")
    placed = []
    for _, scenelets in groupby(rows.iterator(), key=lambda row: row.story_id):
        for place, row in enumerate(scenelets, start=1):
            row.place = place
            placed.append(row)
    Scenelet.objects.bulk_update(placed, ["place"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("storybook", "0002_gone_shots_and_flaws")]

    operations = [
        migrations.AddField(
            model_name="scenelet",
            name="place",
            field=models.PositiveIntegerField(
                default=0,
                editable=False,
                help_text="The place in the story's order, from 1: the S03 of its shots' codes.",
            ),
        ),
        migrations.RunPython(place_scenelets, migrations.RunPython.noop),
    ]
