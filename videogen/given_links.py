"""A download link that a person gives us, as every door takes it."""

from __future__ import annotations

from django.conf import settings

from .errors import RequestError
from .veo import INLINE


def given_link(text: str) -> str:
    """The link without the space around it. RequestError where there is none, where it is our
    own mark for a video within an answer, or where the key is in it: links are stored and shown.
    What else it may be, the download finds out."""
    link = text.strip()
    if not link:
        raise RequestError("The download link is empty.", code="bad_link")
    if settings.GEMINI_API_KEY and settings.GEMINI_API_KEY in link:
        raise RequestError("Leave the key out of the link: it goes in a header.", code="bad_link")
    if link.lower() == INLINE:
        raise RequestError(
            "The download link has to begin with http:// or https:// (or gs://, on Vertex AI).",
            code="bad_link",
        )
    return link
