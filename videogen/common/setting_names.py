"""Middleware that names the variables of the environment only to people who can set them.

A sentence says "set VIDEO_RESOLUTION to 1080p". That helps whoever runs the installation, who is a
superuser here or works on the command line. Everybody else who is logged in reads "ask an
administrator to set the installation's resolution to 1080p". What a person has typed, in a form
that would send it back, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

# Those whose name does not say what they are. The others are spelt out.
_WORDS = {
    "VIDEO_MODEL": "default model",
    "VIDEO_BACKEND": "way to make videos",
    "VIDEO_BUDGET_USD": "budget",
    "VIDEO_PRICE_USD_PER_SECOND": "default price",
    "VIDEO_USE_KEY_FRAMES": "choice whether key frames are sent",
    "VIDEO_QUOTA_TIER": "quota tier",
    "MEDIA_ROOT": "media storage",
    "MEDIA_STORE_URL": "object store",
    "GEMINI_API_KEY": "key of the video API",
}
_BEGINNINGS = ("VIDEO", "STORY", "GEMINI", "GOOGLE", "DJANGO", "DATABASE", "EMAIL", "MEDIA")
_NAME = re.compile(
    r"\b(?:(?P<set>set|Set) )?"
    rf"(?P<name>(?:{'|'.join(_BEGINNINGS)})_[A-Z][A-Z_]*[A-Z])\b"
    r"(?:=(?P<value>[\w.-]*\w))?"
)
# What is not text, and what a person reads or sends back exactly as it is.
_NO_TEXT = re.compile(
    r"(<(script|style|textarea|pre)\b.*?</\2>|<[^>]*>)", re.DOTALL | re.IGNORECASE
)
# Text in a tag; in a JSON answer its quotes are escaped.
_TOLD_IN_TAG = re.compile(r"""((?:title|aria-label)=\\?")([^"\\]*)""")
_TYPES = ("text/html", "application/json")


def plain_setting_names(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        user = getattr(request, "user", None)
        # A program gets every text as it is.
        is_program = getattr(request, "api_token", None) is not None
        can_set = is_program or user is None or not user.is_authenticated or user.is_superuser
        if can_set or response.streaming or not _is_page(response):
            return response
        page = response.content.decode(response.charset)  # type: ignore[attr-defined]
        # Most pages name none, and looking for plain texts takes a hundredth of the time.
        if any(f"{each}_" in page for each in _BEGINNINGS):
            response.content = without_names(page)  # type: ignore[attr-defined]
        return response

    return middleware


def without_names(html: str) -> str:
    """Return the page with other words for each variable in its text."""
    # Between two texts stand the match and the name of its element, if it has one.
    texts_and_tags = (part for place, part in enumerate(_NO_TEXT.split(html)) if place % 3 != 2)
    return "".join(
        _TOLD_IN_TAG.sub(_in_tag, part) if place % 2 else _NAME.sub(_in_words, part)
        for place, part in enumerate(texts_and_tags)
    )


def _in_tag(match: re.Match[str]) -> str:
    return match[1] + _NAME.sub(_in_words, match[2])


def _in_words(match: re.Match[str]) -> str:
    name = match["name"]
    words = _WORDS.get(name) or name.removeprefix("VIDEO_").replace("_", " ").lower()
    begins = not match.string[: match.start()].strip() or match.string[: match.start()].endswith(
        ". "
    )
    told = f"{'The' if begins else 'the'} installation's {words}"
    if match["set"]:
        asks = "Ask" if match["set"] == "Set" else "ask"
        told = f"{asks} an administrator to set the installation's {words}"
        return f"{told} to {match['value']}" if match["value"] else told
    return f"{told} ({match['value']})" if match["value"] else told


def _is_page(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith(_TYPES)
