from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("storybook", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="shot",
            name="gone_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Since when the story's imported bundle does not have this shot any "
                "more.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="picture",
            name="flaws",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="What is odd about a picture that can be used: codes with their "
                "parameters.",
            ),
        ),
    ]
