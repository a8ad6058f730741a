from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videogen", "0034_films")]

    operations = [
        migrations.AddField(
            model_name="lane",
            name="lease_secret",
            field=models.CharField(
                blank=True,
                help_text="A fingerprint of the secret key of the process that last held the lease.",
                max_length=16,
            ),
        ),
    ]
