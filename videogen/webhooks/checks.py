"""System checks that find a wrong or incomplete configuration of the receiver of events."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import reverse

from videogen.common.addresses import is_encrypted_or_local
from videogen.common.standard_webhooks import LONGEST_KEY, SHORTEST_KEY, is_secret


@register("settings")
def check_receiver(**kwargs: Any) -> list[CheckMessage]:
    address, secret = settings.VIDEO_SUBMIT_WEBHOOK_URI, settings.VIDEO_RECEIVE_WEBHOOK_SECRET
    messages: list[CheckMessage] = []
    if secret and not is_secret(secret):
        messages.append(
            Error(
                "VIDEO_RECEIVE_WEBHOOK_SECRET is not a valid Standard Webhooks secret: whsec_ and "
                f"then base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes.",
                hint="Use the signing secret that the API answered when the webhook was made, or "
                "leave it empty.",
                id="videogen.E051",
            )
        )
    if secret and secret == settings.VIDEO_NOTICE_WEBHOOK_SECRET:
        messages.append(
            Error(
                "VIDEO_RECEIVE_WEBHOOK_SECRET equals VIDEO_NOTICE_WEBHOOK_SECRET: whoever receives "
                "our notices could forge the API's events.",
                hint="Use a different secret for each.",
                id="videogen.E052",
            )
        )
    if address and _is_this_site(address) and urlsplit(address).path != reverse("video_events"):
        messages.append(
            Warning(
                "VIDEO_SUBMIT_WEBHOOK_URI leads to this site, but not to the path that "
                "receives events.",
                hint=f"Use the path {reverse('video_events')}",
                id="videogen.W053",
            )
        )
    if address and not is_encrypted_or_local(settings.VIDEO_API_BASE_URL):
        messages.append(
            Warning(
                "VIDEO_SUBMIT_WEBHOOK_URI is set, but GOOGLE_GEMINI_BASE_URL is not encrypted; the "
                "keys of events would be sent in clear text, so every event is refused.",
                hint="Use https:// in GOOGLE_GEMINI_BASE_URL",
                id="videogen.W054",
            )
        )
    return messages


def _is_this_site(address: str) -> bool:
    try:
        host = urlsplit(settings.VIDEO_SITE_URL).hostname
        return bool(host) and urlsplit(address).hostname == host
    except ValueError:
        return False
