"""A batch says whether it leaves out shots that have a take of the very same request. It does not do
so unless somebody wants it: a mode means the same on the command line and in the admin.

A failed render says since when nobody needs to look at it any more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0031_price_bounds")]

    operations = [
        migrations.AddField(
            model_name="renderbatch",
            name="skips_repeats",
            field=models.BooleanField(
                default=False,
                help_text="Shots that have a take of the very same request are left out.",
            ),
        ),
        migrations.AddField(
            model_name="videorender",
            name="dismissed_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When somebody took its failure from the first page.",
                null=True,
            ),
        ),
    ]
