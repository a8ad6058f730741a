from __future__ import annotations

from datetime import date

from django.db import migrations

CHECKED_ON = date(2026, 11, 22)
SINCE = date(2026, 11, 1)
VEO = (
    "Google's documentation of Veo 3.1 on the Gemini API: video generation guide, model page, "
    "deprecations page"
)
VERTEX = "Google Cloud's documentation of Veo on Vertex AI: model reference, REST reference"
OMNI = "Google's documentation of the Interactions API and of video with Gemini Omni"
PRICES = "read on 2026-11-22: audio included, charged only for a video that was generated"

ANYBODY = "allow_all, allow_adult, dont_allow"
# resolution, aspect ratios, durations, aspect ratios and durations with reference pictures
STANDARD = (
    ("720p", "16:9, 9:16", "4, 6, 8", "16:9", "8"),
    ("1080p", "16:9, 9:16", "8", "16:9", "8"),
    ("4k", "16:9, 9:16", "8", "16:9", "8"),
)
WITHOUT_REFERENCES = (("720p", "16:9, 9:16", "4, 6, 8", "", ""), ("1080p", "16:9, 9:16", "8", "", ""))
EIGHT_SECONDS = (("720p", "16:9", "8", "16:9", "8"), ("1080p", "16:9", "8", "16:9", "8"))

ON_GEMINI = {"route": "gemini", "prompt_limit_tokens": 1024, "source": VEO}
ON_GEMINI |= {"takes_negative_prompt": True, "person_generation": ANYBODY}
ON_VERTEX = {"route": "vertex", "prompt_limit_tokens": 1024, "source": VERTEX, "takes_seed": True}
ON_VERTEX |= {"takes_negative_prompt": True, "person_generation": ANYBODY, "max_references": 3}
ON_OMNI = {"route": "omni", "source": OMNI, "max_references": 3}

SHUTDOWN = {"shuts_down_on": date(2026, 10, 22)}
MODELS = {
    "veo-3.1-generate-preview": (ON_GEMINI | SHUTDOWN | {"max_references": 3}, STANDARD),
    "veo-3.1-fast-generate-preview": (ON_GEMINI | SHUTDOWN | {"max_references": 3}, STANDARD),
    "veo-3.1-lite-generate-preview": (ON_GEMINI, WITHOUT_REFERENCES),
    "veo-3.1-generate-001": (ON_VERTEX, STANDARD),
    "veo-3.1-fast-generate-001": (ON_VERTEX, STANDARD),
    "gemini-omni-1.1-flash": (ON_OMNI, EIGHT_SECONDS),
    "gemini-omni-1.2-flash": (ON_OMNI, EIGHT_SECONDS),
}
USD_PER_SECOND = {
    "veo-3.1-generate-001": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
    "veo-3.1-fast-generate-001": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
    "gemini-omni-1.1-flash": {"1080p": "0.1525"},
    "gemini-omni-1.2-flash": {"1080p": "0.1525"},
}


def create(apps, schema_editor):
    alias = schema_editor.connection.alias
    models = apps.get_model("videogen", "VideoModel").objects.using(alias)
    formats = apps.get_model("videogen", "VideoFormat").objects.using(alias)
    prices = apps.get_model("videogen", "Price").objects.using(alias)
    for name, (values, sizes) in MODELS.items():
        model, _ = models.get_or_create(name=name, defaults=values | {"checked_on": CHECKED_ON})
        for resolution, ratios, durations, reference_ratios, reference_durations in sizes:
            formats.get_or_create(
                model=model,
                resolution=resolution,
                defaults={
                    "aspect_ratios": ratios,
                    "durations": durations,
                    "reference_aspect_ratios": reference_ratios,
                    "reference_durations": reference_durations,
                },
            )
    for name, by_resolution in USD_PER_SECOND.items():
        product = "Gemini Omni" if "omni" in name else "Veo on Vertex AI"
        for resolution, usd in by_resolution.items():
            prices.get_or_create(
                model=name,
                resolution=resolution,
                since=SINCE,
                defaults={
                    "usd_per_second": usd,
                    "source": f"Google's price list for {product}, {PRICES}",
                },
            )


class Migration(migrations.Migration):
    dependencies = [("videogen", "0016_routes")]

    # What a team has changed since is theirs: going back leaves the rows.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
