"""System checks that find a wrong or incomplete configuration of notices."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from videogen.common.addresses import LOOPBACK
from videogen.common.standard_webhooks import LONGEST_KEY, SHORTEST_KEY, is_secret

from .webhook import is_safe_address

MAKE_ONE = (
    "python -c \"import base64, secrets; print('whsec_' + "
    'base64.b64encode(secrets.token_bytes(32)).decode())"'
)


@register("settings")
def check_webhook(**kwargs: Any) -> list[CheckMessage]:
    url, secret = settings.VIDEO_NOTICE_WEBHOOK_URL, settings.VIDEO_NOTICE_WEBHOOK_SECRET
    messages: list[CheckMessage] = []
    if url and not is_safe_address(url):
        messages.append(
            Error(
                "VIDEO_NOTICE_WEBHOOK_URL is not a valid https:// URL.",
                hint="Use https://host/path. http:// is allowed only for this machine, with "
                "DJANGO_DEBUG=1.",
                id="videogen.E060",
            )
        )
    if url and not secret:
        messages.append(
            Error(
                "VIDEO_NOTICE_WEBHOOK_URL is set, but VIDEO_NOTICE_WEBHOOK_SECRET is not: the "
                "receiver could not tell our notices from those of others.",
                hint=f"Make a secret: {MAKE_ONE}",
                id="videogen.E061",
            )
        )
    if secret and not url:
        messages.append(
            Warning(
                "VIDEO_NOTICE_WEBHOOK_SECRET is set, but VIDEO_NOTICE_WEBHOOK_URL is not: nothing "
                "is sent.",
                hint="Set the URL of the receiver, or remove the secret.",
                id="videogen.W062",
            )
        )
    if secret and not is_secret(secret):
        messages.append(
            Error(
                "VIDEO_NOTICE_WEBHOOK_SECRET is not a valid Standard Webhooks secret: whsec_ and "
                f"then base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes.",
                hint=f"Make a secret: {MAKE_ONE}",
                id="videogen.E063",
            )
        )
    return messages


@register("settings")
def check_email(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    has_server = bool(settings.EMAIL_HOST)
    if settings.VIDEO_NOTICE_EMAILS and not has_server and not settings.DEBUG:
        messages.append(
            Warning(
                "VIDEO_NOTICE_EMAILS is set, but EMAIL_HOST is not: nobody gets an e-mail.",
                hint="Set EMAIL_HOST, or remove the addresses.",
                id="videogen.W064",
            )
        )
    if wrong := [each for each in settings.VIDEO_NOTICE_EMAILS if not _is_email(each)]:
        messages.append(
            Error(
                f"VIDEO_NOTICE_EMAILS has invalid e-mail addresses: {', '.join(wrong)}",
                hint="Separate the addresses by commas, and leave out names.",
                id="videogen.E065",
            )
        )
    if settings.EMAIL_USE_TLS and settings.EMAIL_USE_SSL:
        messages.append(
            Error(
                "EMAIL_USE_TLS and EMAIL_USE_SSL cannot both be set.",
                hint="Use EMAIL_USE_TLS with port 587, or EMAIL_USE_SSL with port 465.",
                id="videogen.E066",
            )
        )
    encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    is_far = has_server and settings.EMAIL_HOST not in LOOPBACK
    if settings.EMAIL_HOST_PASSWORD and is_far and not encrypted:
        messages.append(
            Warning(
                "EMAIL_HOST_PASSWORD would be sent to the mail server unencrypted.",
                hint="Set EMAIL_USE_TLS=1 (port 587) or EMAIL_USE_SSL=1 (port 465).",
                id="videogen.W067",
            )
        )
    return messages


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


@register("settings")
def check_site_url(**kwargs: Any) -> list[CheckMessage]:
    try:
        parts = urlsplit(settings.VIDEO_SITE_URL)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not settings.VIDEO_SITE_URL or is_address:
        return []
    return [
        Error(
            "VIDEO_SITE_URL is not a valid URL.",
            hint="Use the site's scheme and host, without a path: https://videogen.example",
            id="videogen.E068",
        )
    ]
