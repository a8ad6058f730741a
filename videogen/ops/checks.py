"""Django's system checks of the settings. Each finding says what to do about it."""

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
from videogen.models.prices import HIGHEST_USD_PER_SECOND, LOWEST_USD_PER_SECOND
from videogen.models.prompt_profiles import PromptProfile
from videogen.models.routes import BACKENDS
from videogen.models.video_models import LARGEST_SEED
from videogen.providers.gs_urls import is_prefix


@register("settings")
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


# The environment variable of each setting that holds an address of the API.
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
                f"{name} is not a valid URL.",
                hint="Leave it empty, or give scheme and host: https://host[:port]",
                id="videogen.E002",
            )
        ]
    if settings.VIDEO_BACKEND == "simulator" and parts.hostname not in LOOPBACK:
        return [
            Error(
                f"VIDEO_BACKEND=simulator, but {name} points to another machine: "
                "what that machine charges would be recorded as free.",
                hint="Set VIDEO_BACKEND=gemini, or let the URL point to this machine.",
                id="videogen.E003",
            )
        ]
    takes_a_token = setting in ("VIDEO_VERTEX_BASE_URL", "VIDEO_STORAGE_BASE_URL")
    if takes_a_token and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return [
            Error(
                f"{name} is not encrypted: the access token would be sent in clear text.",
                hint="Use https://",
                id="videogen.E004",
            )
        ]
    return []


@register("settings")
def check_request_settings(**kwargs: Any) -> list[CheckMessage]:
    """Find values that no model takes. What one model takes is in the table of video models."""
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
                "VIDEO_PERSON_GENERATION is not a single word.",
                hint="Leave it empty, or set one of these: allow_all, allow_adult, dont_allow.",
                id="videogen.E071",
            )
        )
    if settings.VIDEO_PROMPT_PROFILE not in PromptProfile.values:
        messages.append(
            Error(
                "VIDEO_PROMPT_PROFILE names no profile of the prompt.",
                hint=f"Set one of these: {', '.join(PromptProfile.values)}.",
                id="videogen.E074",
            )
        )
    if settings.VIDEO_VERTEX_STORAGE_URI and not is_prefix(settings.VIDEO_VERTEX_STORAGE_URI):
        messages.append(
            Error(
                "VIDEO_VERTEX_STORAGE_URI is not a Cloud Storage address.",
                hint="Leave it empty, or give bucket and folder: gs://bucket/folder",
                id="videogen.E072",
            )
        )
    return messages


@register("settings")
def check_price(**kwargs: Any) -> list[CheckMessage]:
    """A price of nothing is the simulator's alone: no budget counts what costs nothing."""
    price = settings.VIDEO_PRICE_USD_PER_SECOND
    if price is None or LOWEST_USD_PER_SECOND <= price <= HIGHEST_USD_PER_SECOND:
        return []
    return [
        Error(
            f"VIDEO_PRICE_USD_PER_SECOND={price} is not what a second of video costs.",
            hint=f"Leave it empty, or give US dollars from {LOWEST_USD_PER_SECOND} to "
            f"{HIGHEST_USD_PER_SECOND}.",
            id="videogen.E073",
        )
    ]


@register("settings", deploy=True)
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """A key that a host makes for itself is good enough for one machine, not for production."""
    if settings.DEBUG or os.environ.get("DJANGO_SECRET_KEY", "").strip():
        return []
    return [
        Error(
            "DJANGO_SECRET_KEY is not set: sessions are signed with a key of this host alone.",
            hint="Set it, the same on every host: "
            'python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="videogen.E030",
        )
    ]


@register("settings")
def check_submit_webhook(**kwargs: Any) -> list[CheckMessage]:
    if not settings.VIDEO_SUBMIT_WEBHOOK_URI:
        return []
    parts = urlsplit(settings.VIDEO_SUBMIT_WEBHOOK_URI)
    schemes = ("http", "https") if settings.VIDEO_BACKEND == "simulator" else ("https",)
    if parts.scheme in schemes and parts.hostname:
        return []
    return [
        Error(
            "VIDEO_SUBMIT_WEBHOOK_URI is not a URL that the API can send events to.",
            hint="Leave it empty, or give one with scheme and host: https://host/path",
            id="videogen.E050",
        )
    ]


@register("settings")
def check_folders(**kwargs: Any) -> list[CheckMessage]:
    """Both the journal of paid answers and the clips must be stored somewhere."""
    messages: list[CheckMessage] = []
    for name, folder in (
        ("VIDEO_STATE_DIR", settings.STATE_DIR),
        ("MEDIA_ROOT", settings.MEDIA_ROOT),
    ):
        # The folder is created when it is needed, so only the nearest existing parent is checked.
        place = Path(folder)
        while not place.exists() and place != place.parent:
            place = place.parent
        usable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        if not usable:
            messages.append(
                Error(
                    f"{name} is not a writable folder: {folder}",
                    hint="Fix its permissions, or name another folder.",
                    id="videogen.E020",
                )
            )
    return messages


@register("settings")
def check_store(**kwargs: Any) -> list[CheckMessage]:
    """Find what browsers, or a web server in front, cannot do with the object store."""
    if not settings.MEDIA_STORE_URL:
        return []
    messages: list[CheckMessage] = []
    options: Any = settings.STORAGES["default"]["OPTIONS"]
    endpoint = str(options["endpoint_url"])
    is_mixed = endpoint.startswith("http:") and settings.SESSION_COOKIE_SECURE
    if is_mixed and not settings.MEDIA_STORE_THROUGH_APP:
        messages.append(
            Warning(
                "AWS_ENDPOINT_URL_S3 is not encrypted, but the site is: browsers load no videos "
                "from there.",
                hint="Use https://, or set MEDIA_STORE_THROUGH_APP=1.",
                id="videogen.W021",
            )
        )
    if settings.VIDEO_ACCEL_PREFIX:
        messages.append(
            Warning(
                "VIDEO_ACCEL_PREFIX has no effect: the media are in the object store.",
                hint="Unset it.",
                id="videogen.W022",
            )
        )
    return messages


# They refuse tasks of others. The names are text because the modules need the queue's tables.
OWN_BROKERS = (
    "videogen.common.own_tasks.OrmBroker",
    "videogen.common.redis_broker.RedisBroker",
)


@register("settings")
def check_queue(**kwargs: Any) -> list[CheckMessage]:
    """Check the values that keep django-q2 from running a task twice or for ever.

    They were measured; openspec/specs/render-pipeline says how.
    """
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
    if queue.get("broker_class") not in OWN_BROKERS:
        messages.append(
            Error(
                "Q_CLUSTER: the workers would run any program that a task on the queue names, with "
                "the API key in its environment.",
                hint=f"Set broker_class to one of: {', '.join(OWN_BROKERS)}.",
                id="videogen.E015",
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
                "There is only one worker: a long download keeps operations from being polled.",
                hint="Set VIDEO_WORKERS to 2 or more.",
                id="videogen.W013",
            )
        )
    return messages
