"""The three routes, and what chooses each of them for an installation."""

from __future__ import annotations

from tests.support.installations import Installation

NAMES = {
    "gemini": "Veo on the Gemini API",
    "vertex": "Veo on Vertex AI",
    "omni": "Omni on the Gemini API",
}
ENVIRONMENTS = {
    "gemini": {"VIDEO_MODEL": "veo-3.1-generate-preview"},
    # With a bucket, where a video can be found whose answer was lost.
    "vertex": {
        "VIDEO_MODEL": "veo-3.1-generate-001",
        "VIDEO_VERTEX_STORAGE_URI": "gs://chaos-of-ours/takes",
    },
    "omni": {"VIDEO_MODEL": "gemini-omni-1.1-flash"},
}


def wrong_use(installation: Installation, route: str) -> list[str]:
    """Sentences: what was rendered over another route, and what the API minded about requests."""
    used = {name for (name,) in installation.query("SELECT route FROM videogen_videorender")}
    minded = installation.simulator_log()["violations"]
    return [f"rendered over {name}, not {route}" for name in sorted(used - {route})] + [
        f"the API minds: {each['rule']} {each['detail']}" for each in minded[:5]
    ]
