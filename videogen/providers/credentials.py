"""Google Cloud's application default credentials → a bearer token, and what to do where there is
none. Nothing is sent to the video API here: whatever fails, nothing can have been charged."""

from __future__ import annotations

import os
import threading
import time
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.untrusted_text import clean, keep_secret

from .errors import stop

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# google-auth would wait for two minutes, longer than we wait for a submission.
REFRESH_SECONDS = 10
# The simulator takes any token, but it wants one.
SIMULATED = "simulated-access-token"

_refreshing = threading.Lock()
# The last failure, and when.
_failed: tuple[float, VeoError] | None = None


def load_credentials() -> Credentials:
    """Raises VeoError where this machine has none."""
    if settings.VIDEO_BACKEND == "simulator":
        from google.oauth2.credentials import Credentials

        return Credentials(token=SIMULATED)
    return _default(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", ""))


def bearer_of(credentials: Credentials) -> str:
    """A token that is valid now; fetches a new one where the last has expired. Raises VeoError."""
    global _failed
    from google.auth.transport.requests import Request

    asked_at = time.monotonic()
    with _refreshing:
        if not credentials.valid:
            # One failure answers all who waited for it: none of them waits for another.
            if _failed and _failed[0] >= asked_at:
                raise _failed[1]
            try:
                credentials.refresh(partial(Request(), timeout=REFRESH_SECONDS))
            except Exception as error:
                # Who signs in again is heard without a restart.
                _default.cache_clear()
                failure = auth_error(error) or _unusable(error)
                _failed = time.monotonic(), failure
                raise failure from error
        token = str(credentials.token)
    keep_secret(token)
    return token


def need_token(credentials: Credentials) -> None:
    """Raises VeoError where no token is valid at this moment; asks nobody for one."""
    if not credentials.valid:
        raise VeoError(
            "The sign-in to Google Cloud has expired meanwhile, so nothing was sent.",
            code="no_connection",
            permanent=False,
        )
    keep_secret(str(credentials.token))


def authorization() -> dict[str, str]:
    """The header for Cloud Storage. Raises VeoError where there are no credentials."""
    return {"Authorization": f"Bearer {bearer_of(load_credentials())}"}


def auth_error(error: Exception) -> VeoError | None:
    """What it means that the credentials failed; None where they are not what failed."""
    from google.auth import exceptions

    if not isinstance(error, exceptions.GoogleAuthError):
        return None
    is_passing = isinstance(error, exceptions.TransportError) or getattr(error, "retryable", False)
    if is_passing:
        return VeoError(
            f"Google's sign-in could not be reached, so nothing was sent ({clean(error)}).",
            code="no_connection",
            permanent=False,
        )
    if isinstance(error, exceptions.DefaultCredentialsError):
        return _unusable(error)
    return stop(
        "no_credentials",
        f"The Google Cloud credentials are no longer valid ({clean(error)}). Sign in again with "
        "gcloud auth application-default login, or replace the service account's key.",
    )


def _unusable(error: Exception) -> VeoError:
    """Also for what google-auth lets through: a file that cannot be opened, or read as one."""
    return stop(
        "no_credentials",
        f"There are no usable Google Cloud credentials ({clean(error)}). Run gcloud auth "
        "application-default login, or name a service account's key file in "
        "GOOGLE_APPLICATION_CREDENTIALS.",
    )


@lru_cache(maxsize=4)
def _default(key_file: str) -> Any:
    """One object for all clients of this process, so that one token serves them all. `key_file`:
    what google.auth reads from the environment, so that another one is another answer."""
    import google.auth

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except Exception as error:
        raise auth_error(error) or _unusable(error) from error
    return credentials
