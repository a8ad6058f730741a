"""Key, SDK, video API and model. Every call that the checks make is free."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import httpx
from django.conf import settings

from videogen.catalog.capabilities import ModelTable, RequestedVideo
from videogen.common.errors import VeoError
from videogen.common.header_secrets import copy_problem
from videogen.common.untrusted_text import clean
from videogen.models.routes import is_simulating

from . import provider
from .check import Examination, TooSlow
from .findings import Finding, Topic, words_of

KEY = Topic("key", "Key")
SDK = Topic("sdk", "SDK")
API = Topic("api", "Video API")
MODEL = Topic("model", "Model")
REQUEST = Topic("request", "Request")

OLDEST_SDK = (2, 34)
FIRST_WRONG_SDK = (3, 0)
MOST_NAMES = 20


def check_sdk(exam: Examination) -> Iterator[Finding]:
    install = "Install the pinned version: pip install --require-hashes -r requirements.txt"
    try:
        version = provider.sdk_version()
    except ImportError as error:
        yield SDK.fail(f"google-genai cannot be imported: {words_of(error)}", install)
        return
    found = re.match(r"(\d+)\.(\d+)", version)
    numbers = tuple(map(int, found.groups())) if found else None
    if numbers is None or numbers < OLDEST_SDK:
        yield SDK.fail(
            f"google-genai is {version}; this was built for the requests and answers of 2.34 and "
            "later.",
            install,
        )
    elif numbers >= FIRST_WRONG_SDK:
        yield SDK.fail(
            f"google-genai is {version}, which cannot make Veo videos with an API key: 3.0 removed "
            "that.",
            install,
        )
    else:
        yield SDK.ok(f"google-genai {version}.")


def check_key(exam: Examination) -> Iterator[Finding]:
    if not provider.takes_key(exam.route):
        yield from _project(exam)
        return
    google, gemini = (os.environ.get(name, "").strip() for name in _NAMES)
    if google and gemini and google != gemini:
        yield KEY.warn(
            "GOOGLE_API_KEY and GEMINI_API_KEY are both set, to different keys: GOOGLE_API_KEY "
            "wins.",
            "Remove the one that you do not mean.",
        )
    key = settings.GEMINI_API_KEY
    if not key:
        if not is_simulating():
            yield KEY.fail(
                "There is no key of the video API.",
                "Put GEMINI_API_KEY into .env or the environment.",
            )
        else:
            yield KEY.ok("None is needed.")
    elif problem := copy_problem(key):
        yield KEY.fail(
            f"The key was not copied well: {problem}. Nothing is sent with it.",
            "Copy it again, without quotation marks, restart the workers, and resume the queue.",
        )
    elif isinstance(refusal := _failure(exam), VeoError) and refusal.code == "key_refused":
        yield KEY.fail(
            f"The API refuses the key: {_words(refusal)}",
            "Make a key in the API's console and put it into GEMINI_API_KEY, restart the workers, "
            "and resume the queue.",
        )
    elif is_simulating():
        yield KEY.ok("The simulator takes any.")
    else:
        is_known = exam.models is not None and _failure(exam) is None
        yield KEY.ok(f"It is set{', and the API takes it' if is_known else ''}.")


def check_api(exam: Examination) -> Iterator[Finding]:
    if exam.models is None:
        return
    named = "GOOGLE_GEMINI_BASE_URL" if provider.takes_key(exam.route) else "GOOGLE_CLOUD_LOCATION"
    start = (
        "Start it: manage.py run_simulator, or all at once: make serve."
        if is_simulating()
        else f"Is this machine online, with its proxy (HTTPS_PROXY)? Is {named} right?"
    )
    address = provider.address(exam.route)
    try:
        exam.models.result()
    except TooSlow as error:
        yield API.fail(f"{address} cannot be reached: {words_of(error)}.", start)
    except VeoError as error:
        if error.code in ("bad_proxy", "proxy_refused"):
            yield API.fail(error.sentence, "Fix that, restart the workers, and resume the queue.")
        elif error.code in _NOT_ASKED:
            yield from _reached_without_key(exam, start)
        elif (
            error.code == "key_refused" or error.stops_queue and not provider.takes_key(exam.route)
        ):
            yield API.ok(f"{address} answers.")
        elif error.code == "no_sdk":
            yield API.fail(error.sentence, "Fix the SDK first.")
        elif error.code == "no_connection":
            yield API.fail(error.sentence, start)
        elif error.code == "no_answer":
            yield API.fail(f"{address} cannot be reached: {_words(error)}", start)
        elif error.permanent:
            yield API.fail(
                f"{address} does not list its models: {_words(error)}",
                "Is GOOGLE_GEMINI_BASE_URL the address of the API, without a path?"
                if provider.takes_key(exam.route)
                else "Is GOOGLE_CLOUD_LOCATION a place where Vertex AI is?",
            )
        else:
            yield API.warn(
                f"{address} answers, but not what was asked: {_words(error)}",
                "Try again in a minute. What waits is sent when it answers.",
            )
    else:
        yield API.ok(f"{address} answers.")


def check_model(exam: Examination) -> Iterator[Finding]:
    model = settings.VIDEO_MODEL
    has_key = provider.takes_key(exam.route)
    if exam.models is None:
        return
    try:
        names = exam.models.result()
    except (TooSlow, VeoError):
        yield MODEL.warn(
            f"It is not known whether {'the key has' if has_key else 'Google publishes'} {model}.",
            "Fix what keeps the API from answering.",
        )
        return
    if model in names:
        yield MODEL.ok(f"{'The key has' if has_key else 'Google publishes'} {model}.")
        return
    told = ", ".join(names[:MOST_NAMES]) or "none that makes videos"
    if len(names) > MOST_NAMES:
        told += f" and {len(names) - MOST_NAMES} more"
    if not has_key:
        yield MODEL.fail(
            f"Google does not publish {model}. It publishes: {told}.",
            "Set VIDEO_MODEL to one of these, and restart the workers.",
        )
        return
    yield MODEL.fail(
        f"The key does not have {model}. It has: {told}.",
        "Set VIDEO_MODEL to one that it has, and restart the workers."
        if names
        else "Ask for access to a video model, or use another key.",
    )


def check_request(exam: Examination) -> Iterator[Finding]:
    """Check a request with one reference picture, because nearly every shot has one."""
    asked = RequestedVideo(
        settings.VIDEO_ASPECT_RATIO,
        settings.VIDEO_RESOLUTION,
        settings.VIDEO_DURATION_SECONDS,
        references=1,
    )
    model = ModelTable().find(settings.VIDEO_MODEL)
    problems = model.problems(asked)
    for problem in problems:
        yield REQUEST.fail(
            problem.sentence, "Change the setting that it names, and restart the workers."
        )
    if model.shutdown_note and not is_simulating():
        yield MODEL.warn(
            str(model.shutdown_note),
            "Set VIDEO_MODEL to one of these, restart the workers, and move queued renders.",
        )
    if not problems:
        words = f"{asked.resolution}, {asked.aspect_ratio}, {asked.seconds} seconds"
        yield REQUEST.ok(f"{settings.VIDEO_MODEL} takes {words} with reference pictures.")


def ask_models(route: str) -> list[str]:
    """Return the models of this route. Whatever goes wrong becomes a VeoError."""
    try:
        return provider.list_models(route)
    except VeoError:
        raise
    except Exception as error:
        sentence = f"The API cannot be asked with this SDK: {words_of(clean(error))}"
        raise VeoError(sentence, code="no_sdk", permanent=True) from error


def _project(exam: Examination) -> Iterator[Finding]:
    """Vertex AI takes no key, but the credentials of a project."""
    if not settings.VIDEO_VERTEX_PROJECT:
        yield KEY.fail(
            f"{settings.VIDEO_MODEL} is on Vertex AI, and no project is named.",
            "Set GOOGLE_CLOUD_PROJECT, or choose a model of the Gemini API.",
        )
    elif isinstance(refusal := _failure(exam), VeoError) and refusal.stops_queue:
        yield KEY.fail(
            f"No key is needed, but credentials: {refusal.sentence}",
            "Fix that, restart the workers, and resume the queue.",
        )
    elif refusal is None and exam.models is not None:
        yield KEY.ok("None is needed: Vertex AI takes the project's credentials.")
    else:
        yield KEY.ok("None is needed, but the project's credentials, which were not tried.")


def _reached_without_key(exam: Examination, start: str) -> Iterator[Finding]:
    address = provider.address(exam.route)
    try:
        if exam.clock is not None:
            exam.clock.result()
            what = "a key" if provider.takes_key(exam.route) else "credentials"
            yield API.ok(f"{address} answers; nothing was asked without {what}.")
    except (TooSlow, httpx.HTTPError, httpx.InvalidURL) as error:
        yield API.fail(f"{address} cannot be reached: {words_of(error)}", start)


_NAMES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
# With these errors nothing was sent.
_NOT_ASKED = ("no_api_key", "bad_key", "no_project", "no_credentials", "bad_token")


def _failure(exam: Examination) -> VeoError | TooSlow | None:
    try:
        if exam.models is not None:
            exam.models.result()
    except (VeoError, TooSlow) as error:
        return error
    return None


def _words(error: VeoError) -> str:
    """Return the API's own words, without the sentence that our client puts around them."""
    if isinstance(error.__cause__, httpx.ProxyError):
        return words_of(error)
    cause = error.__cause__
    told = cause and getattr(cause, "message", None) or cause or error.sentence
    # clean() also removes an access token of this process, should the API repeat it.
    return words_of(clean(told))
