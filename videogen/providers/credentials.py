"""What the clients sign in with: the Gemini API's key, or a bearer token made from Google Cloud's
application default credentials.

Nothing is sent to the video API here, so whatever fails here cannot have cost anything.
"""

from __future__ import annotations

import os
import threading
import time
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.formats import unended
from videogen.common.header_secrets import copy_problem
from videogen.common.untrusted_text import clean, keep_secret

from .errors import stop

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# google-auth would wait for two minutes, which is longer than we wait for a submission.
REFRESH_SECONDS = 10
# The simulator accepts any token, but it requires one.
SIMULATED = "simulated-access-token"

_refreshing = threading.Lock()
# The time (time.monotonic) and the error of the last sign-in that failed.
_failed: tuple[float, VeoError] | None = None


def api_key() -> str:
    """Return the Gemini API's key. Raises VeoError if none is set, or if it has characters that
    cannot be sent: the error about such a request would quote the key."""
    key = str(settings.GEMINI_API_KEY)
    if not key:
        raise stop(
            "no_api_key", "GEMINI_API_KEY is not set: put the key into .env or the environment."
        )
    if problem := copy_problem(key):
        raise stop(
            "bad_key",
            f"The key was not copied well: {problem}. Nothing was sent. Copy it again into "
            "GEMINI_API_KEY (or GOOGLE_API_KEY, if that is set), without quotation marks, and "
            "restart the workers.",
        )
    return key


def load_credentials() -> Credentials:
    """Return this machine's Google Cloud credentials. Raises VeoError if it has none."""
    if settings.VIDEO_BACKEND == "simulator":
        from google.oauth2.credentials import Credentials

        return Credentials(token=SIMULATED)  # type: ignore[no-untyped-call]
    return _default(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", ""))


def bearer_of(credentials: Credentials) -> str:
    """Return a token that is valid now, and fetch a new one if the last one has expired. Raises
    VeoError."""
    global _failed
    from google.auth.transport.requests import Request

    asked_at = time.monotonic()
    with _refreshing:
        if not credentials.valid:
            # One failure is the answer to every thread that waited meanwhile: otherwise each of
            # them would wait for a failure of its own.
            if _failed and _failed[0] >= asked_at:
                raise _failed[1]
            try:
                credentials.refresh(partial(Request(), timeout=REFRESH_SECONDS))  # type: ignore[no-untyped-call]
            except Exception as error:
                # When somebody signs in again, this is noticed without a restart.
                _default.cache_clear()
                failure = auth_error(error) or _unusable(error)
                _failed = time.monotonic(), failure
                raise failure from error
        token = str(credentials.token)
    keep_secret(token)
    if problem := copy_problem(token):
        raise stop(
            "bad_token",
            f"Google's sign-in gave an access token that cannot be sent: {problem}. Nothing was "
            "sent. Sign in again, and look at what answers in the place of Google's sign-in.",
        )
    return token


def need_token(credentials: Credentials) -> None:
    """Raise VeoError if no token is valid at this moment, without fetching one."""
    if not credentials.valid:
        raise VeoError(
            "The sign-in to Google Cloud has expired in the meantime, so nothing was sent.",
            code="no_connection",
            permanent=False,
        )
    keep_secret(str(credentials.token))


def authorization() -> dict[str, str]:
    """Return the header for Cloud Storage. Raises VeoError if there are no credentials."""
    return {"Authorization": f"Bearer {bearer_of(load_credentials())}"}


def auth_error(error: Exception) -> VeoError | None:
    """Return what it means that the credentials failed, or None if something else failed."""
    from google.auth import exceptions

    if not isinstance(error, exceptions.GoogleAuthError):
        return None
    is_passing = isinstance(error, exceptions.TransportError) or getattr(error, "retryable", False)
    if is_passing:
        return VeoError(
            f"Google's sign-in could not be reached, so nothing was sent ({_told(error)}).",
            code="no_connection",
            permanent=False,
        )
    if isinstance(error, exceptions.DefaultCredentialsError):
        return _unusable(error)
    return stop(
        "no_credentials",
        f"The Google Cloud credentials are no longer valid ({_told(error)}). Sign in again with "
        "gcloud auth application-default login, or replace the service account's key.",
    )


def _told(error: Exception) -> str:
    return unended(clean(error))


def _unusable(error: Exception) -> VeoError:
    """Return the error of missing or broken credentials. google-auth also lets other exceptions
    through, such as the OSError of a key file that cannot be opened."""
    return stop(
        "no_credentials",
        f"There are no usable Google Cloud credentials ({_told(error)}). Run gcloud auth "
        "application-default login, or name a service account's key file in "
        "GOOGLE_APPLICATION_CREDENTIALS.",
    )


@lru_cache(maxsize=4)
def _default(key_file: str) -> Credentials:
    """Return one object for all clients of this process, so that one token serves them all.

    `key_file` is the environment variable that google.auth reads. It is a parameter so that another
    file is loaded when the variable changes.
    """
    import google.auth

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except Exception as error:
        raise auth_error(error) or _unusable(error) from error
    return credentials
