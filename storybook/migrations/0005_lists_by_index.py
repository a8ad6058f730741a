from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storybook", "0004_archived")]

    operations = [
        migrations.AddIndex(
            model_name="story",
            index=models.Index(fields=["title", "story_id"], name="stories_by_title"),
        ),
        migrations.AddIndex(
            model_name="shot",
            index=models.Index(
                condition=models.Q(
                    ("storyboard_payload", None), ("storyboard_payload", {}), _connector="OR"
                ),
                fields=["scenelet"],
                name="shots_without_storyboard",
            ),
        ),
    ]
