"""Wrong configuration, told at start-up with what to do about it."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from videogen.common.addresses import LOOPBACK
from videogen.common.task_queue import SLICE_SECONDS
from videogen.models.routes import BACKENDS
from videogen.models.video_models import LARGEST_SEED
from videogen.providers.gs_urls import is_prefix


@register
def check_backend(**kwargs: Any) -> list[CheckMessage]:
    if settings.VIDEO_BACKEND not in BACKENDS:
        return [
            Error(
                f"VIDEO_BACKEND={settings.VIDEO_BACKEND!r} is not known.",
                hint=f"Set it to one of: {', '.join(BACKENDS)}.",
                id="videogen.E001",
            )
        ]
    return [message for each in ADDRESSES.items() for message in _check_address(*each)]


# By the setting's own name: the environment's.
ADDRESSES = {
    "VIDEO_API_BASE_URL": "GOOGLE_GEMINI_BASE_URL",
    "VIDEO_VERTEX_BASE_URL": "GOOGLE_VERTEX_BASE_URL",
    "VIDEO_STORAGE_BASE_URL": "VIDEO_STORAGE_BASE_URL",
}


def _check_address(setting: str, name: str) -> list[CheckMessage]:
    parts = urlsplit(getattr(settings, setting))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return [
            Error(
                f"{name} is no web address.",
                hint="Leave it empty, or give scheme and host: https://host[:port]",
                id="videogen.E002",
            )
        ]
    if settings.VIDEO_BACKEND == "simulator" and parts.hostname not in LOOPBACK:
        return [
            Error(
                f"VIDEO_BACKEND=simulator, but {name} leads to another machine: "
                "what costs money there would be booked as free.",
                hint="Set VIDEO_BACKEND=gemini, or let the URL lead to this machine.",
                id="videogen.E003",
            )
        ]
    takes_a_token = setting in ("VIDEO_VERTEX_BASE_URL", "VIDEO_STORAGE_BASE_URL")
    if takes_a_token and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return [
            Error(
                f"{name} has no encryption: the access token would be open to read.",
                hint="Let it begin with https://",
                id="videogen.E004",
            )
        ]
    return []


@register
def check_request_settings(**kwargs: Any) -> list[CheckMessage]:
    """What no model takes; what one model takes is in the table of models, and plans ask it."""
    messages: list[CheckMessage] = []
    if settings.VIDEO_SEED is not None and settings.VIDEO_SEED > LARGEST_SEED:
        messages.append(
            Error(
                "VIDEO_SEED is larger than any seed of the API.",
                hint=f"Leave it empty, or give a whole number from 0 to {LARGEST_SEED}.",
                id="videogen.E070",
            )
        )
    if not re.fullmatch(r"\w*", settings.VIDEO_PERSON_GENERATION):
        messages.append(
            Error(
                "VIDEO_PERSON_GENERATION is not one word of the API's.",
                hint="Leave it empty, or give one: allow_all, allow_adult or dont_allow.",
                id="videogen.E071",
            )
        )
    if settings.VIDEO_VERTEX_STORAGE_URI and not is_prefix(settings.VIDEO_VERTEX_STORAGE_URI):
        messages.append(
            Error(
                "VIDEO_VERTEX_STORAGE_URI is no place in Cloud Storage.",
                hint="Leave it empty, or give bucket and folder: gs://bucket/folder",
                id="videogen.E072",
            )
        )
    return messages


@register(deploy=True)
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """What works by itself on one machine is not what a production site should rest on."""
    if settings.DEBUG or os.environ.get("DJANGO_SECRET_KEY", "").strip():
        return []
    return [
        Error(
            "DJANGO_SECRET_KEY is not set: sessions rest on a key that this host made for itself.",
            hint="Set it, the same on every host: "
            'python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="videogen.E030",
        )
    ]


@register
def check_submit_webhook(**kwargs: Any) -> list[CheckMessage]:
    if not settings.VIDEO_SUBMIT_WEBHOOK_URI:
        return []
    parts = urlsplit(settings.VIDEO_SUBMIT_WEBHOOK_URI)
    schemes = ("http", "https") if settings.VIDEO_BACKEND == "simulator" else ("https",)
    if parts.scheme in schemes and parts.hostname:
        return []
    return [
        Error(
            "VIDEO_SUBMIT_WEBHOOK_URI is no address that the API tells anything.",
            hint="Leave it empty, or give one with scheme and host: https://host/path",
            id="videogen.E050",
        )
    ]


@register
def check_folders(**kwargs: Any) -> list[CheckMessage]:
    """The journal of paid answers and the clips themselves need a place."""
    messages: list[CheckMessage] = []
    for name, folder in (
        ("VIDEO_STATE_DIR", settings.STATE_DIR),
        ("MEDIA_ROOT", settings.MEDIA_ROOT),
    ):
        # It is made when it is needed: what has to be there is a place where it can be.
        place = Path(folder)
        while not place.exists() and place != place.parent:
            place = place.parent
        usable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        if not usable:
            messages.append(
                Error(
                    f"{name} is no folder that can be written to: {folder}",
                    hint="Mend its permissions, or name another folder.",
                    id="videogen.E020",
                )
            )
    return messages


@register
def check_queue(**kwargs: Any) -> list[CheckMessage]:
    """The values that keep django-q2 from running tasks twice or for ever (measured; see the
    specification of the render pipeline)."""
    queue = settings.Q_CLUSTER
    messages: list[CheckMessage] = []
    rounds = 2 + math.ceil((queue["queue_limit"] + 1) / max(1, queue["workers"]))
    if queue["retry"] < queue["timeout"] * rounds:
        messages.append(
            Error(
                f"Q_CLUSTER: retry is {queue['retry']}, which counts from the moment a task leaves "
                "the queue: waiting tasks would run twice.",
                hint=f"Set retry to at least {queue['timeout'] * rounds}.",
                id="videogen.E010",
            )
        )
    if not queue.get("ack_failures") or queue.get("max_attempts") != 1:
        messages.append(
            Error(
                "Q_CLUSTER: a task that fails would run again for ever.",
                hint="Set ack_failures to True and max_attempts to 1.",
                id="videogen.E011",
            )
        )
    if queue.get("orm", "default") != "default":
        messages.append(
            Error(
                "Q_CLUSTER: the queue is on another database than the renders.",
                hint='Set orm to "default".',
                id="videogen.E012",
            )
        )
    if queue["timeout"] <= SLICE_SECONDS + settings.VIDEO_SUBMIT_TIMEOUT_SECONDS:
        messages.append(
            Error(
                "VIDEO_SUBMIT_TIMEOUT_SECONDS is so long that the queue would kill a task in the "
                "middle of a paid call.",
                hint=f"Set it below {queue['timeout'] - SLICE_SECONDS:.0f}.",
                id="videogen.E014",
            )
        )
    if queue["workers"] < 2:
        messages.append(
            Warning(
                "One worker alone: a long download keeps operations from being polled.",
                hint="Set VIDEO_WORKERS to 2 or more.",
                id="videogen.W013",
            )
        )
    return messages
