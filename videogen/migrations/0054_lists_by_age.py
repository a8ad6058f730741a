from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0052_wiped_stories")]

    operations = [
        migrations.AddIndex(
            model_name="videorender",
            index=models.Index(fields=["-queued_at", "-id"], name="renders_by_age"),
        ),
        migrations.AddIndex(
            model_name="videorender",
            index=models.Index(
                fields=["requested_by_name"],
                condition=models.Q(claimed_at__isnull=False),
                name="sent_renders_by_person",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["-claimed_at", "token"], name="submissions_by_age"),
        ),
    ]
