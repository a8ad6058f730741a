"""Two help texts in plainer words."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0025_notice_batch")]

    operations = [
        migrations.AlterField(
            model_name="lane",
            name="pause_reason",
            field=models.TextField(blank=True, help_text="What a person has to fix."),
        ),
        migrations.AlterField(
            model_name="videomodel",
            name="max_references",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="The most reference pictures that it takes; we never send more than 3.",
            ),
        ),
    ]
