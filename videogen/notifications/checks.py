"""Half a configuration of notices, told at start-up with what to do about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from videogen.common.addresses import LOOPBACK
from videogen.common.standard_webhooks import SHORTEST_KEY, is_secret

from .webhook import is_safe_address

MAKE_ONE = (
    "python -c \"import base64, secrets; print('whsec_' + "
    'base64.b64encode(secrets.token_bytes(32)).decode())"'
)


@register
def check_webhook(**kwargs: Any) -> list[CheckMessage]:
    url, secret = settings.VIDEO_NOTICE_WEBHOOK_URL, settings.VIDEO_NOTICE_WEBHOOK_SECRET
    messages: list[CheckMessage] = []
    if url and not is_safe_address(url):
        messages.append(
            Error(
                "VIDEO_NOTICE_WEBHOOK_URL is no https address.",
                hint="Give https://host/path. http is for DJANGO_DEBUG=1 and this machine only.",
                id="videogen.E060",
            )
        )
    if url and not secret:
        messages.append(
            Error(
                "VIDEO_NOTICE_WEBHOOK_URL has no VIDEO_NOTICE_WEBHOOK_SECRET: the receiver could "
                "not tell our notices from anybody's.",
                hint=f"Make one: {MAKE_ONE}",
                id="videogen.E061",
            )
        )
    if secret and not url:
        messages.append(
            Warning(
                "VIDEO_NOTICE_WEBHOOK_SECRET is set, and VIDEO_NOTICE_WEBHOOK_URL is not: nothing "
                "is sent.",
                hint="Set the address of the receiver, or remove the secret.",
                id="videogen.W062",
            )
        )
    if secret and not is_secret(secret):
        messages.append(
            Error(
                "VIDEO_NOTICE_WEBHOOK_SECRET is no secret as Standard Webhooks wants it: base64 of "
                f"{SHORTEST_KEY} bytes or more, after whsec_.",
                hint=f"Make one: {MAKE_ONE}",
                id="videogen.E063",
            )
        )
    return messages


@register
def check_email(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    has_server = bool(settings.EMAIL_HOST)
    if settings.VIDEO_NOTICE_EMAILS and not has_server and not settings.DEBUG:
        messages.append(
            Warning(
                "VIDEO_NOTICE_EMAILS names people, but no mail server is named: they get nothing.",
                hint="Set EMAIL_HOST, or remove the addresses.",
                id="videogen.W064",
            )
        )
    if wrong := [each for each in settings.VIDEO_NOTICE_EMAILS if not _is_email(each)]:
        messages.append(
            Error(
                f"VIDEO_NOTICE_EMAILS: no e-mail address: {', '.join(wrong)}",
                hint="Separate the addresses by commas, without names.",
                id="videogen.E065",
            )
        )
    if settings.EMAIL_USE_TLS and settings.EMAIL_USE_SSL:
        messages.append(
            Error(
                "EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other.",
                hint="EMAIL_USE_TLS goes with port 587, EMAIL_USE_SSL with port 465.",
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


@register
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
            "VIDEO_SITE_URL is no web address.",
            hint="Give the site's scheme and host, without a path: https://videogen.example",
            id="videogen.E068",
        )
    ]
