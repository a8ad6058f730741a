from django.db import migrations, models


def empty(apps, schema_editor):
    """After the migrations the table is filled again, with the new column."""
    standings = apps.get_model("videogen", "ShotStanding").objects
    standings.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):
    dependencies = [("videogen", "0054_lists_by_age")]

    operations = [
        migrations.AddField(
            model_name="shotstanding",
            name="to_review",
            field=models.PositiveIntegerField(
                default=0, help_text="How many of the takes the review room shows."
            ),
        ),
        migrations.RemoveIndex(model_name="shotstanding", name="shots_by_badge"),
        migrations.AddIndex(
            model_name="shotstanding",
            index=models.Index(
                fields=["counts_simulated", "badge", "render", "shot", "takes", "to_review"],
                name="shots_by_badge",
            ),
        ),
        migrations.AddIndex(
            model_name="videorender",
            index=models.Index(
                condition=models.Q(("claimed_at__isnull", False)),
                fields=["shot", "is_simulated", "id", "state", "review", "reviewed_at"],
                name="attempts_of_shots",
            ),
        ),
        migrations.AddIndex(
            model_name="videorender",
            index=models.Index(
                fields=["id", "state", "is_simulated", "actual_cost_usd", "requested_by_name"],
                name="costs_of_renders",
            ),
        ),
        migrations.RunPython(empty, migrations.RunPython.noop),
    ]
