from __future__ import annotations

from datetime import date

from django.db import migrations

SINCE = date(2026, 11, 1)
SOURCE = (
    "Google's price list for the Gemini API, read on 2026-11-22: audio included, charged only for "
    "a video that was generated"
)
USD_PER_SECOND = {
    "veo-3.1-generate-preview": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
    "veo-3.1-fast-generate-preview": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
    "veo-3.1-lite-generate-preview": {"720p": "0.05", "1080p": "0.08"},
}


def create(apps, schema_editor):
    prices = apps.get_model("videogen", "Price").objects.using(schema_editor.connection.alias)
    for model, by_resolution in USD_PER_SECOND.items():
        for resolution, usd in by_resolution.items():
            prices.get_or_create(
                model=model,
                resolution=resolution,
                since=SINCE,
                defaults={"usd_per_second": usd, "source": SOURCE},
            )


class Migration(migrations.Migration):
    dependencies = [("videogen", "0009_never_pay_twice")]

    # Renders name the prices that they were queued under: going back leaves them.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
