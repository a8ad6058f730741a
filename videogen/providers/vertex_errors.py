"""Vertex AI's refusals, in sentences that say what to do. The sentences of providers/errors.py are
about the Gemini API's key, which is not used here."""

from __future__ import annotations

from django.conf import settings

from videogen.common.errors import VeoError
from videogen.common.formats import ended, unended
from videogen.common.untrusted_text import clean

from . import errors
from .credentials import auth_error
from .errors import stop


def submit_error(error: Exception, *, has_left: bool = True) -> VeoError:
    known = errors.submit_error(error, has_left=has_left)
    return auth_error(error) or _in_words(known, error)


def poll_error(error: Exception) -> VeoError:
    return auth_error(error) or _in_words(errors.poll_error(error), error)


def models_error(error: Exception) -> VeoError:
    return auth_error(error) or _in_words(errors.models_error(error), error)


def list_error(error: Exception) -> VeoError:
    return auth_error(error) or _in_words(errors.list_error(error), error)


def _in_words(known: VeoError, error: Exception) -> VeoError:
    """Return the same consequence with another sentence, if the Gemini API's would mislead."""
    project = settings.VIDEO_VERTEX_PROJECT
    if known.code == "no_connection":
        hint = (
            " Start it with manage.py run_simulator."
            if settings.VIDEO_BACKEND == "simulator"
            else ""
        )
        return VeoError(
            f"Vertex AI could not be reached at {settings.VIDEO_VERTEX_BASE_URL} "
            f"({unended(clean(error))}).{hint}",
            code=known.code,
            permanent=False,
        )
    message = ended(errors.message_of(error))
    if known.code == "key_refused":
        reasons = errors.reasons_of(error)
        if "SERVICE_DISABLED" in reasons:
            return stop(
                "service_disabled",
                f"The Vertex AI API is not enabled in the project {project}: {message}",
            )
        if "BILLING_DISABLED" in reasons:
            return stop("credits_depleted", f"The project {project} has no billing: {message}")
        if getattr(error, "code", None) == 403:
            return stop(
                "permission_denied",
                f"The credentials may not use Vertex AI in the project {project}: {message} "
                "Check GOOGLE_CLOUD_PROJECT, and give them the role Vertex AI User.",
            )
        return stop(
            "credentials_refused",
            f"Vertex AI refuses the credentials: {message} Sign in again with gcloud auth "
            "application-default login, or replace the service account's key.",
        )
    if known.code == errors.POLL_REFUSED and getattr(error, "code", None) == 403:
        return VeoError(
            f"The credentials may not ask about the operation in the project {project}: {message} "
            "Check GOOGLE_CLOUD_PROJECT, and give them the role Vertex AI User.",
            code=known.code,
            permanent=True,
        )
    if known.code == "model_not_found":
        return stop(
            known.code,
            f"The model is not available to the project {project} in "
            f"{settings.VIDEO_VERTEX_LOCATION} ({unended(message)}).",
        )
    return known
