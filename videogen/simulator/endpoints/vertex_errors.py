"""The refusals of Vertex AI and of Cloud Storage, in their own words where those are known."""

from __future__ import annotations

import json
from typing import Any

from videogen.simulator.errors import TYPE, ApiError

SERVICE = "aiplatform.googleapis.com"
# The reasons of the storage service's errors by status.
REASONS = {400: "invalid", 401: "authError", 403: "forbidden", 404: "notFound"}


def token_missing() -> ApiError:
    return ApiError(
        401,
        "Request is missing required authentication credential. Expected OAuth 2 access token, "
        "login cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[_info("CREDENTIALS_MISSING", SERVICE)],
    )


def key_not_supported() -> ApiError:
    return ApiError(
        401,
        "API keys are not supported by this API. Expected OAuth2 access token or other "
        "authentication credentials that assert a principal. See "
        "https://cloud.google.com/docs/authentication",
        details=[_info("CREDENTIALS_MISSING", SERVICE)],
    )


def token_invalid() -> ApiError:
    return ApiError(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[_info("ACCESS_TOKEN_EXPIRED", SERVICE)],
    )


def permission_denied(resource: str) -> ApiError:
    """Return the 403 for a project that is somebody else's or does not exist."""
    permission = "aiplatform.endpoints.predict"
    return ApiError(
        403,
        f"Permission '{permission}' denied on resource '//{SERVICE}/{resource}' (or it may not "
        "exist).",
        details=[_info("IAM_PERMISSION_DENIED", SERVICE, permission=permission, resource=resource)],
    )


def service_disabled(project: str) -> ApiError:
    link = f"https://console.developers.google.com/apis/api/{SERVICE}/overview?project={project}"
    return ApiError(
        403,
        f"Vertex AI API has not been used in project {project} before or it is disabled. Enable it "
        f"by visiting {link} then retry. If you enabled this API recently, wait a few minutes for "
        "the action to propagate to our systems and retry.",
        details=[_info("SERVICE_DISABLED", SERVICE, consumer=f"projects/{project}")],
    )


def billing_disabled(resource: str) -> ApiError:
    project = resource.removeprefix("projects/").partition("/")[0]
    return ApiError(
        403,
        "This API method requires billing to be enabled. Please enable billing on project "
        f"{project} by visiting https://console.developers.google.com/billing/enable?project="
        f"{project} then retry. If you enabled billing for this project recently, wait a few "
        "minutes for the action to propagate to our systems and retry.",
        details=[_info("BILLING_DISABLED", SERVICE, consumer=f"projects/{project}")],
    )


def model_not_found(resource: str) -> ApiError:
    return ApiError(
        404,
        f"Publisher Model `{resource}` was not found or your project does not have access to it. "
        "Please ensure you are using a valid model version. For more information, see: "
        "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
    )


def quota_exceeded(model: str) -> ApiError:
    """Return a 429 without details. It does not say when to retry."""
    return ApiError(
        429,
        f"Quota exceeded for {SERVICE}/long_running_online_prediction_requests_per_base_model "
        f"with base model: {model}. Please submit a quota increase request. "
        "https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.",
    )


def bad_resource() -> ApiError:
    return ApiError(400, "Invalid resource field value in the request.")


def operation_not_found() -> ApiError:
    return ApiError(404, "Requested entity was not found.")


class StorageError(ApiError):
    """An error of Cloud Storage's JSON API, which has a shape of its own."""

    @property
    def payload(self) -> dict[str, Any]:
        error = {
            "message": self.message,
            "domain": "global",
            "reason": REASONS.get(self.code, "backendError"),
        }
        return {"error": {"code": self.code, "message": self.message, "errors": [error]}}

    @property
    def body(self) -> bytes:
        return json.dumps(self.payload, indent=2, ensure_ascii=False).encode()


def storage_anonymous(permission: str) -> StorageError:
    return StorageError(
        401,
        f"Anonymous caller does not have {permission} access to the Google Cloud Storage object. "
        f"Permission '{permission}' denied on resource (or it may not exist).",
    )


def storage_forbidden(permission: str) -> StorageError:
    return StorageError(
        403,
        f"renderer@example.iam.gserviceaccount.com does not have {permission} access to the "
        f"Google Cloud Storage object. Permission '{permission}' denied on resource (or it may "
        "not exist).",
    )


def bucket_not_found() -> StorageError:
    return StorageError(404, "The specified bucket does not exist.")


def object_not_found(bucket: str, name: str) -> StorageError:
    return StorageError(404, f"No such object: {bucket}/{name}")


def _info(reason: str, service: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": TYPE + "ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service, **metadata},
    }
