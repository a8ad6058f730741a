from __future__ import annotations

from datetime import date

from django.db import migrations

CHECKED_ON = date(2026, 11, 22)
SINCE = date(2026, 11, 1)
VEO = (
    "Google's documentation of Veo 3.1 on the Gemini API (video generation guide, parameters; "
    "deprecations page, earliest shutdown). It speaks of a seed too; the SDK refuses one on this "
    "route. References at 1080p and 4k: documented by omission"
)
VERTEX = (
    "Google Cloud's documentation of Veo on Vertex AI: model reference, REST reference. "
    "allow_all is for projects that Google has let in. Retirement dates conflict"
)
OMNI = (
    "Google's documentation of the Interactions API and of video with Gemini Omni: 3 to 10 "
    "seconds; 1.2 is said to go on to 15. Sources name 3, 5, 6 or 10 reference pictures. The "
    "prompt's limit: Google Cloud's page of the preview, pictures included"
)
PRICES = "read on 2026-11-22: audio included, charged only for a video that was generated"
TOKENS = (
    "; charged by the token, so the seconds are about right. For 1.2 a reseller names a lower list "
    "price; the dearer one stands here"
)

# resolution, aspect ratios, durations, aspect ratios and durations with reference pictures
STANDARD = (
    ("720p", "16:9, 9:16", "4, 6, 8", "16:9", "8"),
    ("1080p", "16:9, 9:16", "8", "16:9", "8"),
    ("4k", "16:9, 9:16", "8", "16:9", "8"),
)
WITHOUT_REFERENCES = (("720p", "16:9, 9:16", "4, 6, 8", "", ""), ("1080p", "16:9, 9:16", "8", "", ""))
THREE_TO_TEN = ("16:9, 9:16", "3, 4, 5, 6, 7, 8, 9, 10") * 2
FREE_LENGTH = tuple((resolution, *THREE_TO_TEN) for resolution in ("720p", "1080p", "4k"))

SHUTDOWN = {"shuts_down_on": date(2026, 10, 22)}
ON_GEMINI = {"route": "gemini", "prompt_limit_tokens": 1024, "source": VEO} | SHUTDOWN
ON_GEMINI |= {"takes_negative_prompt": True, "person_generation": "allow_all, allow_adult"}
ON_VERTEX = {"route": "vertex", "prompt_limit_tokens": 1024, "source": VERTEX, "takes_seed": True}
ON_VERTEX |= {"takes_negative_prompt": True, "max_references": 3}
ON_VERTEX |= {"person_generation": "allow_all, allow_adult, dont_allow"}
ON_OMNI = {"route": "omni", "source": OMNI, "max_references": 3, "prompt_limit_tokens": 131072}

MODELS = {
    "veo-3.1-generate-preview": (ON_GEMINI | {"max_references": 3}, STANDARD),
    "veo-3.1-fast-generate-preview": (ON_GEMINI | {"max_references": 3}, STANDARD),
    "veo-3.1-lite-generate-preview": (ON_GEMINI, WITHOUT_REFERENCES),
    "veo-3.1-generate-001": (ON_VERTEX, STANDARD),
    "veo-3.1-fast-generate-001": (ON_VERTEX, STANDARD),
    "gemini-omni-1.1-flash": (ON_OMNI, FREE_LENGTH),
    "gemini-omni-1.2-flash": (ON_OMNI, FREE_LENGTH),
}
USD_PER_SECOND = {
    "veo-3.1-generate-001": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
    "veo-3.1-fast-generate-001": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
    "gemini-omni-1.1-flash": {"720p": "0.1014", "1080p": "0.1525"},
    "gemini-omni-1.2-flash": {"720p": "0.1014", "1080p": "0.1525"},
}


def create(apps, schema_editor):
    alias = schema_editor.connection.alias
    models = apps.get_model("videogen", "VideoModel").objects.using(alias)
    formats = apps.get_model("videogen", "VideoFormat").objects.using(alias)
    prices = apps.get_model("videogen", "Price").objects.using(alias)
    for name, (values, sizes) in MODELS.items():
        if models.filter(name=name).exists():
            continue  # A team's own row, with the formats that they gave it.
        model = models.create(name=name, **values, checked_on=CHECKED_ON)
        for resolution, ratios, durations, reference_ratios, reference_durations in sizes:
            formats.create(
                model=model,
                resolution=resolution,
                aspect_ratios=ratios,
                durations=durations,
                reference_aspect_ratios=reference_ratios,
                reference_durations=reference_durations,
            )
    for name, by_resolution in USD_PER_SECOND.items():
        is_omni = "omni" in name
        product = "Gemini Omni" if is_omni else "Veo on Vertex AI"
        source = f"Google's price list for {product}, {PRICES}{TOKENS * is_omni}"
        for resolution, usd in by_resolution.items():
            # Of several the latest counts: beside a team's own there is none of ours.
            if not prices.filter(model=name, resolution=resolution).exists():
                prices.create(
                    model=name,
                    resolution=resolution,
                    since=SINCE,
                    usd_per_second=usd,
                    source=source,
                )


class Migration(migrations.Migration):
    dependencies = [("videogen", "0016_routes")]

    # What a team has changed since is theirs: going back leaves the rows.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
