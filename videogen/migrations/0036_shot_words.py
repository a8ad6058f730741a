from __future__ import annotations

from django.db import migrations, models


def empty(apps, schema_editor):
    """Four statuses come out of "ready". After the migrations the table is filled again."""
    standings = apps.get_model("videogen", "ShotStanding").objects
    standings.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):
    dependencies = [("videogen", "0035_secret_fingerprint")]

    operations = [
        migrations.AlterField(
            model_name="shotstanding",
            name="badge",
            field=models.CharField(
                choices=[
                    ("generating", "generating"),
                    ("needs a decision", "needs a decision"),
                    ("failed", "failed"),
                    ("needs review", "needs review"),
                    ("approved", "approved"),
                    ("ready", "to do"),
                    ("retake", "retake"),
                    ("cancelled", "cancelled"),
                    ("given up", "given up"),
                ],
                default="ready",
                help_text="By the renders' states: a live one that nobody works on still counts as "
                "live.",
                max_length=20,
            ),
        ),
        migrations.RunPython(empty, migrations.RunPython.noop),
    ]
