from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0055_lists_by_index")]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("batch_finished", "batch finished"),
                    ("budget_80", "budget at 80 %"),
                    ("budget_100", "budget used up"),
                    ("queue_paused", "queue paused"),
                    ("clip_expires", "clip about to expire"),
                    ("late_answer", "answer for a wiped story"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="keptcharge",
            name="late_answer_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the API turned out to have accepted it, after the story was wiped.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="keptcharge",
            index=models.Index(
                fields=["late_answer_at"],
                condition=models.Q(late_answer_at__isnull=False),
                name="late_kept_charges",
            ),
        ),
    ]
