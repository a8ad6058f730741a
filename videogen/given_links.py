"""A download link that a person gives us, as every door takes it."""

from __future__ import annotations

import re

from django.conf import settings

from .errors import RequestError

# Our own mark for a video within an answer is no link, though it looks like one.
_SCHEME = re.compile(r"(?:https?|gs)://", re.IGNORECASE)


def given_link(text: str) -> str:
    """The link without the space around it. RequestError where there is none, where nothing can
    be had by it, or where the key is in it: links are stored and shown."""
    link = text.strip()
    if not link:
        raise RequestError("The download link is empty.", code="bad_link")
    if settings.GEMINI_API_KEY and settings.GEMINI_API_KEY in link:
        raise RequestError("Leave the key out of the link: it goes in a header.", code="bad_link")
    if not _SCHEME.match(link):
        raise RequestError(
            "The download link has to begin with http:// or https:// (or gs://, on Vertex AI).",
            code="bad_link",
        )
    return link
