from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0048_reviewer_group")]

    operations = [
        migrations.AddField(
            model_name="lane",
            name="polls",
            field=models.PositiveBigIntegerField(
                default=0, help_text="Polls that came to an end."
            ),
        ),
        migrations.AddField(
            model_name="lane",
            name="poll_seconds",
            field=models.FloatField(default=0, help_text="How long they took together."),
        ),
    ]
