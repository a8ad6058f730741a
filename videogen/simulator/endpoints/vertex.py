"""Veo on Vertex AI: other paths, a bearer token, and a video in the caller's bucket or inline.

    POST …/v1beta1/projects/P/locations/L/publishers/google/models/M:predictLongRunning
    POST …/v1beta1/projects/P/locations/L/publishers/google/models/M:fetchPredictOperation
    GET  …/v1beta1/publishers/google/models[/M]

Paths and shapes are those that google-genai 2.34.0 sends and reads and that the reference of "Veo
on Vertex AI" shows. The service takes instances and parameters as free JSON and may ignore unknown
fields. Here they are refused, as everywhere in the simulator.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from videogen.simulator.endpoints import vertex_errors as words
from videogen.simulator.errors import ApiError, bad_field, invalid_argument
from videogen.simulator.faults import FaultSpec
from videogen.simulator.http import EndpointHandler
from videogen.simulator.journal import describe_refusal, describe_request, submission_entry
from videogen.simulator.models import Model
from videogen.simulator.operations import ERRORS, Operation, blocked_reason
from videogen.simulator.quotas import Limits
from videogen.simulator.validation import (
    check_request,
    check_shape,
    integer,
    known_fields,
    parse_body,
)

RESPONSE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
PARAMETERS = frozenset(
    {
        "sampleCount",
        "storageUri",
        "durationSeconds",
        "seed",
        "aspectRatio",
        "resolution",
        "personGeneration",
        "negativePrompt",
        "enhancePrompt",
        "generateAudio",
    }
)
LARGEST_SEED = 2**32 - 1
# gs://bucket[/prefix[/]]: lower-case bucket names of 3 to 63 characters, no empty path segment.
STORAGE_URI = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[^/\s?#]+)*/?")
LOCATION = re.compile(r"global|[a-z]+-[a-z]+\d+")

MODELS = {
    model.name: model
    for model in (
        Model(
            "veo-3.1-generate-001",
            "Veo 3.1",
            usd_per_second=(("720p", 0.40), ("1080p", 0.40), ("4k", 0.60)),
        ),
        Model(
            "veo-3.1-fast-generate-001",
            "Veo 3.1 fast",
            usd_per_second=(("720p", 0.10), ("1080p", 0.12), ("4k", 0.30)),
        ),
        Model(
            "veo-3.1-lite-generate-001",
            "Veo 3.1 lite",
            takes_references=False,
            resolutions=("720p", "1080p"),
            usd_per_second=(("720p", 0.05), ("1080p", 0.08)),
        ),
        Model("veo-3.1-generate-preview", "Veo 3.1 preview", is_retired=True),
        Model("gemini-2.5-flash", "Gemini 2.5 Flash", methods=("generateContent",)),
    )
}

# Faults whose words differ from the Gemini API's. The functions take the model's resource name.
WORDS: dict[str, Callable[[str], ApiError]] = {
    "key_invalid": lambda resource: words.token_invalid(),
    "unauthenticated": lambda resource: words.token_invalid(),
    "permission_denied": words.permission_denied,
    "payment_required": words.billing_disabled,
    "credits_depleted": words.billing_disabled,
    "model_not_found": words.model_not_found,
    "model_retired": words.model_not_found,
    "quota_minute": lambda resource: words.quota_exceeded(resource.rpartition("/")[2]),
    "not_found": lambda resource: words.operation_not_found(),
}


def submit(handler: EndpointHandler, project: str, location: str, model: str) -> None:
    simulator = handler.simulator
    parent = _parent(project, location)
    entry = submission_entry(time.time(), model, key_ok=False)
    simulator.journal.add_submission(entry)
    try:
        check_token(handler)
        entry["key_ok"] = True
        _check_place(handler, project, location, model)
        known = _find_model(handler, parent, model)
        payload = parse_body(handler.headers.get("Content-Type", ""), handler.body)
        known_fields(payload, {"instances", "parameters"}, "")
        request = check_request(known, payload, _check_parameters)
        describe_request(entry, request)
        spec = simulator.faults.take("submit", request.prompt)
        if spec is not None:
            entry["fault"] = spec.fault
        if spec is None or spec.accepts:
            _charge(handler, known, request.cost)
            operation = simulator.start_operation(
                request,
                entry,
                operation_id=str(uuid4()),
                parent=parent,
                storage_uri=request.parameters.get("storageUri", ""),
            )
        if spec is not None and not _misbehave(handler, spec, f"{parent}models/{model}"):
            return
    except ApiError as error:
        describe_refusal(entry, error)
        raise
    handler.send_json({"name": operation.name})


def poll(handler: EndpointHandler, project: str, location: str, model: str) -> None:
    check_token(handler)
    parent = _parent(project, location)
    _check_place(handler, project, location, model)
    payload = parse_body(handler.headers.get("Content-Type", ""), handler.body)
    known_fields(payload, {"operationName"}, "")
    name = payload.get("operationName")
    if not isinstance(name, str) or not name:
        raise bad_field("operationName", "The operation name must be a string.")
    start = f"{parent}models/{model}/operations/"
    if not name.startswith(start) or not re.fullmatch(r"[A-Za-z0-9-]+", name[len(start) :]):
        raise words.bad_resource()
    operation = handler.simulator.store.find(name[len(start) :])
    if operation is None or operation.name != name:
        raise words.operation_not_found()
    handler.simulator.journal.count(name, "polls")
    spec = handler.simulator.faults.take("poll", operation.prompt)
    if spec is not None and not _misbehave(handler, spec, f"{parent}models/{model}"):
        return
    handler.send_json(_answer(handler, handler.simulator.advance(operation)))


def list_models(handler: EndpointHandler) -> None:
    """List what Google publishes. The list does not say what the project may use."""
    check_token(handler)
    _check_enabled(handler, "")
    known_queries = {"pageSize", "pageToken", "filter", "view", "orderBy", "languageCode"}
    for name in handler.query.keys() - known_queries:
        raise bad_field("", f'Invalid JSON payload received. Unknown name "{name}".')
    retired = handler.simulator.is_retired
    models = [each for each in MODELS.values() if not (each.is_retired or retired(each.name))]
    handler.send_json({"publisherModels": [_resource(each) for each in models]})


def show_model(handler: EndpointHandler, model: str) -> None:
    check_token(handler)
    _check_enabled(handler, "")
    known = MODELS.get(model)
    if known is None or known.is_retired or handler.simulator.is_retired(model):
        raise words.model_not_found(f"publishers/google/models/{model}")
    handler.send_json(_resource(known))


def check_token(handler: EndpointHandler, refuse: Callable[[str], ApiError] | None = None) -> None:
    """Raise a 401 unless a valid bearer token came in the header.

    `refuse` builds another service's answer to "missing" and "invalid".
    """
    for name in ("access_token", "key"):
        if name in handler.query:
            handler.simulator.journal.add_violation(time.time(), "key_in_query", name)
            raise invalid_argument("The simulator refuses secrets in the query string.")
    if handler.headers.get("x-goog-api-key"):
        handler.simulator.journal.add_violation(
            time.time(), "leaked_key", "An API key came to a service that takes bearer tokens."
        )
        raise words.key_not_supported()
    settings = handler.simulator.settings
    scheme, _, token = handler.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token.strip():
        raise refuse("missing") if refuse else words.token_missing()
    if settings.token_expired or settings.access_token and token != settings.access_token:
        raise refuse("invalid") if refuse else words.token_invalid()


def _check_place(handler: EndpointHandler, project: str, location: str, model: str) -> None:
    _check_enabled(handler, project)
    expected = handler.simulator.settings.vertex_project
    if expected and project != expected:
        raise words.permission_denied(f"{_parent(project, location)}models/{model}")
    if not LOCATION.fullmatch(location):
        raise words.bad_resource()


def _check_enabled(handler: EndpointHandler, project: str) -> None:
    settings = handler.simulator.settings
    if settings.vertex_disabled:
        raise words.service_disabled(project or settings.vertex_project or "the-project")


def _find_model(handler: EndpointHandler, parent: str, name: str) -> Model:
    model = MODELS.get(name)
    if (
        model is None
        or model.is_retired
        or handler.simulator.is_retired(name)
        or "predictLongRunning" not in model.methods
    ):
        raise words.model_not_found(f"{parent}models/{name}")
    return model


def _check_parameters(model: Model, parameters: dict[str, Any], has_references: bool) -> None:
    known_fields(parameters, PARAMETERS, "parameters")
    check_shape(model, parameters, has_references)
    if "durationSeconds" not in parameters:
        raise invalid_argument("`durationSeconds` is required.")
    if not isinstance(parameters.get("generateAudio"), bool):
        raise invalid_argument("`generateAudio` is required and needs to be a boolean.")
    if not 0 <= integer(parameters, "seed", 0) <= LARGEST_SEED:
        raise invalid_argument(f"`seed` must be between 0 and {LARGEST_SEED}.")
    uri = parameters.get("storageUri", "gs://bucket")
    if not isinstance(uri, str) or not STORAGE_URI.fullmatch(uri) or ".." in uri:
        raise invalid_argument(
            "`storageUri` must be a Cloud Storage URI in the format gs://BUCKET_NAME/SUBDIRECTORY."
        )


def _charge(handler: EndpointHandler, model: Model, cost: float) -> None:
    limits = Limits(per_minute=handler.simulator.settings.vertex_quota_per_minute)
    try:
        handler.simulator.quotas.charge(limits, model.name, cost)
    except ApiError as error:
        raise words.quota_exceeded(model.name) from error


def _misbehave(handler: EndpointHandler, spec: FaultSpec, resource: str) -> bool:
    """Do what `EndpointHandler.misbehave` does, in the words of Vertex AI."""
    if build := WORDS.get(spec.fault):
        raise build(resource)
    return handler.misbehave(spec)


def _answer(handler: EndpointHandler, operation: Operation) -> dict[str, Any]:
    body: dict[str, Any] = {"name": operation.name}
    outcome, params = operation.outcome, operation.params
    if outcome in ("", "never_done"):
        return body
    body["done"] = True
    if outcome == "nothing":
        return body
    if outcome == "error":
        code = int(params.get("code", 13))
        message = params.get("message", ERRORS.get(code, "Unknown error."))
        return body | {"error": {"code": code, "message": message}}
    response: dict[str, Any] = {"@type": RESPONSE}
    if outcome in ("blocked", "blocked_audio"):
        response |= {"raiMediaFilteredCount": 1}
        response |= {"raiMediaFilteredReasons": [blocked_reason(operation)]}
    else:
        response |= {"raiMediaFilteredCount": 0, "videos": _videos(handler, operation)}
    return body | {"response": response}


def _videos(handler: EndpointHandler, operation: Operation) -> list[dict[str, Any]]:
    if operation.storage_uri:
        return [{"gcsUri": uri, "mimeType": "video/mp4"} for uri in operation.object_uris]
    content = handler.simulator.store.clip_path(operation).read_bytes() if operation.files else b""
    encoded = base64.b64encode(content).decode()
    return [{"bytesBase64Encoded": encoded, "mimeType": "video/mp4"}] * operation.files


def _resource(model: Model) -> dict[str, Any]:
    return {
        "name": f"publishers/google/models/{model.name}",
        "versionId": "default",
        "launchStage": "GA",
    }


def _parent(project: str, location: str) -> str:
    return f"projects/{project}/locations/{location}/publishers/google/"


_PLACE = r"/v1beta1/projects/([^/:]+)/locations/([^/:]+)/publishers/google/models/([^/:]+)"
_MODELS = r"/v1beta1/publishers/google/models"
ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., None]], ...] = (
    ("POST", re.compile(rf"{_PLACE}:predictLongRunning"), submit),
    ("POST", re.compile(rf"{_PLACE}:fetchPredictOperation"), poll),
    ("GET", re.compile(_MODELS), list_models),
    ("GET", re.compile(rf"{_MODELS}/([^/:]+)"), show_model),
)
