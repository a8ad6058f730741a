"""Strict checks of a submission: every request that the real service would refuse is refused here.

Model, content type and raw body of `:predictLongRunning` become a `ReceivedRequest`, or an
`ApiError` in Google's words. Being stricter than the service costs nothing. Being laxer would let
a request through that fails only when it is paid for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from videogen.simulator.errors import (
    bad_field,
    invalid_argument,
    unknown_field,
    unsupported_by_model,
    unsupported_use_case,
)
from videogen.simulator.models import Model, find_model

INSTANCE_FIELDS = frozenset({"prompt", "referenceImages", "image", "lastFrame", "video"})
PARAMETER_FIELDS = frozenset(
    {
        "sampleCount",
        "durationSeconds",
        "aspectRatio",
        "resolution",
        "personGeneration",
        "negativePrompt",
        "enhancePrompt",
    }
)
WEBHOOK_FIELDS = frozenset({"uris", "user_metadata", "userMetadata"})
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg"}
MAX_REFERENCES = 3
DURATIONS = (4, 6, 8)


@dataclass(frozen=True)
class SentPicture:
    """An image of a request. It has been decoded, so it is a valid picture."""

    mime_type: str
    sha256: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class ReceivedRequest:
    model: Model
    prompt: str
    references: tuple[SentPicture, ...]
    first_frame: SentPicture | None
    parameters: dict[str, Any]
    webhook: dict[str, Any] | None = None

    @property
    def seconds(self) -> int:
        return self.parameters.get("durationSeconds", 8)

    @property
    def resolution(self) -> str:
        return self.parameters.get("resolution", "720p")

    @property
    def cost(self) -> float:
        return self.model.cost(self.resolution, self.seconds)

    @property
    def pictures(self) -> tuple[SentPicture, ...]:
        """Every image that the clip may show, in the request's order."""
        return self.references + ((self.first_frame,) if self.first_frame else ())


# Takes the model, the parameters, and whether there are reference images. Raises `ApiError`.
ParameterCheck = Callable[[Model, dict[str, Any], bool], None]


def parse_body(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request's body. Raises a 400 for anything else."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise bad_field("", f'Invalid content type "{content_type}": must be application/json.')
    try:
        payload = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise bad_field("", "Invalid JSON payload received. Body is not valid UTF-8.") from error
    except ValueError as error:
        raise bad_field("", f"Invalid JSON payload received. {error}") from error
    if not isinstance(payload, dict):
        raise bad_field("", "Invalid JSON payload received. Root element must be a message.")
    return payload


def check_submission(model_name: str, payload: dict[str, Any]) -> ReceivedRequest:
    """Return the checked request. Raises a 404 for the model and a 400 for everything else."""
    model = find_model(model_name)
    known_fields(payload, {"instances", "parameters", "webhookConfig"}, "")
    request = check_request(model, payload, _check_parameters)
    if (webhook := payload.get("webhookConfig")) is not None:
        check_webhook(message(webhook, "webhookConfig"))
    return replace(request, webhook=webhook)


def check_request(
    model: Model, payload: dict[str, Any], check_parameters: ParameterCheck
) -> ReceivedRequest:
    """Check what all APIs of a model have in common. `check_parameters` is the API's own check."""
    instances = payload.get("instances")
    if not isinstance(instances, list) or not instances:
        raise bad_field("instances", "`instances` must be a list that holds exactly one instance.")
    if len(instances) != 1:
        raise invalid_argument(f"Only one instance is supported, got {len(instances)}.")
    instance = message(instances[0], "instances[0]")
    known_fields(instance, INSTANCE_FIELDS, "instances[0]")

    prompt = instance.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise bad_field("instances[0].prompt", "The prompt must be a string that is not empty.")
    references = _check_references(model, instance)
    first_frame = None
    if "image" in instance:
        first_frame = _check_picture(instance["image"], "instances[0].image")
    if "lastFrame" in instance:
        _check_picture(instance["lastFrame"], "instances[0].lastFrame")
        if first_frame is None:
            raise unsupported_use_case()
    if "video" in instance or (references and len({"image", "lastFrame"} & instance.keys())):
        raise unsupported_use_case()

    parameters = message(payload.get("parameters", {}), "parameters")
    check_parameters(model, parameters, bool(references))
    return ReceivedRequest(model, prompt, references, first_frame, parameters)


def _check_references(model: Model, instance: dict[str, Any]) -> tuple[SentPicture, ...]:
    if "referenceImages" not in instance:
        return ()
    if not model.takes_references:
        raise unsupported_by_model("referenceImages")
    where = "instances[0].referenceImages"
    items = instance["referenceImages"]
    if not isinstance(items, list) or not items:
        raise bad_field(where, "`referenceImages` must be a list that is not empty.")
    if len(items) > MAX_REFERENCES:
        raise invalid_argument(
            f"The number of reference images must be at most {MAX_REFERENCES}, got {len(items)}."
        )
    pictures = []
    for index, item in enumerate(items):
        at = f"{where}[{index}]"
        reference = message(item, at)
        known_fields(reference, {"image", "referenceType"}, at)
        kind = reference.get("referenceType")
        if kind not in ("ASSET", "asset"):
            raise bad_field(
                f"{at}.referenceType",
                f"Reference type {kind!r} is not supported: it must be ASSET.",
            )
        pictures.append(_check_picture(reference.get("image"), f"{at}.image"))
    return tuple(pictures)


def _check_picture(value: Any, at: str) -> SentPicture:
    image = message(value, at)
    names = ("bytesBase64Encoded", "mimeType")
    known_fields(image, names, at)
    encoded, mime_type = (image.get(name) for name in names)
    return check_picture(encoded, mime_type, at, names)


def check_picture(encoded: Any, mime_type: Any, at: str, names: tuple[str, str]) -> SentPicture:
    """Return an image that can be decoded and has the type that it claims.

    `names` are the names of its two fields below `at`. Raises a 400 otherwise.
    """
    data_name, type_name = names
    if mime_type not in FORMATS.values():
        raise bad_field(f"{at}.{type_name}", f"Unsupported MIME type: {mime_type}.")
    if not isinstance(encoded, str) or not encoded:
        raise bad_field(f"{at}.{data_name}", "The image has no bytes.")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_field(f"{at}.{data_name}", f"Base64 decoding failed: {error}.") from error
    sha256 = hashlib.sha256(content).hexdigest()
    found = _seen_formats.format_of(sha256, content)
    if found is None:
        raise bad_field(at, "Unable to process input image. Please provide a valid image.")
    if found != mime_type:
        raise bad_field(f"{at}.{type_name}", f"MIME type is {mime_type} but the image is {found}.")
    return SentPicture(mime_type, sha256, content)


def _check_parameters(model: Model, parameters: dict[str, Any], has_references: bool) -> None:
    known_fields(parameters, PARAMETER_FIELDS, "parameters")
    check_shape(model, parameters, has_references)


def check_shape(model: Model, parameters: dict[str, Any], has_references: bool) -> None:
    """Check the parameters that all APIs of the models know: the form of the video."""
    count = integer(parameters, "sampleCount", 1)
    if count != 1:
        raise invalid_argument(
            "The number value for `sampleCount` is out of bound. Please provide a value between "
            "1 and 1, inclusive."
        )
    seconds = integer(parameters, "durationSeconds", 8)
    if seconds not in DURATIONS:
        raise invalid_argument(
            "The number value for `durationSeconds` is out of bound. Please provide a value "
            "between 4 and 8, inclusive: 4, 6 or 8."
        )
    resolution = choice(parameters, "resolution", ("720p", "1080p", "4k"), "720p")
    if resolution not in model.resolutions:
        raise unsupported_by_model("resolution")
    if seconds != 8 and (has_references or resolution != "720p"):
        cause = "reference images" if has_references else f"resolution {resolution}"
        raise invalid_argument(f"`durationSeconds` must be 8 with {cause}, got {seconds}.")
    ratio = choice(parameters, "aspectRatio", ("16:9", "9:16"), "16:9")
    if ratio == "9:16" and has_references:
        raise unsupported_use_case()
    choice(
        parameters, "personGeneration", ("allow_all", "allow_adult", "dont_allow"), "allow_adult"
    )
    for name, kind, called in (
        ("negativePrompt", str, "string"),
        ("enhancePrompt", bool, "boolean"),
    ):
        if name in parameters and not isinstance(parameters[name], kind):
            raise invalid_argument(f"The value type for `{name}` needs to be a {called}.")


def check_webhook(webhook: dict[str, Any]) -> None:
    """Check a WebhookConfig of the API: a list of https addresses and a free object.

    Plain http is allowed to this machine, for tests. The service could not reach it anyway.
    """
    known_fields(webhook, WEBHOOK_FIELDS, "webhookConfig")
    uris = webhook.get("uris", [])
    if not isinstance(uris, list):
        raise bad_field("webhookConfig.uris", "`uris` must be a list.")
    for index, uri in enumerate(uris):
        parts = urlsplit(uri) if isinstance(uri, str) else urlsplit("")
        is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or is_local):
            raise bad_field(f"webhookConfig.uris[{index}]", "A webhook URI must be an https URL.")
    names = {"user_metadata", "userMetadata"} & webhook.keys()
    if len(names) == 2:
        raise bad_field(
            "webhookConfig", "Invalid JSON payload received. user_metadata is there twice."
        )
    for name in names:
        message(webhook[name], f"webhookConfig.{name}")


def integer(parameters: dict[str, Any], name: str, default: int) -> int:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid_argument(f"The value type for `{name}` needs to be a number.")
    return value


def choice(parameters: dict[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = parameters.get(name, default)
    if value not in allowed:
        raise invalid_argument(
            f"Unsupported value {value!r} for `{name}`. Supported values: {', '.join(allowed)}."
        )
    return value


def message(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_field(at, f"Invalid value at '{at}': must be an object.")
    return value


def known_fields(message: dict[str, Any], known: Iterable[str], at: str) -> None:
    for name in message:
        if name not in known:
            raise unknown_field(name, at)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Unexpected token {name}.")


class _SeenFormats:
    """Remembers the types of images, because a batch sends the same model sheets many times."""

    LIMIT = 4096

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._formats: dict[str, str | None] = {}

    def format_of(self, sha256: str, content: bytes) -> str | None:
        """Return the MIME type that the bytes have, or None if they cannot be decoded in full."""
        with self._lock:
            if sha256 in self._formats:
                return self._formats[sha256]
        found = _decoded_format(content)
        with self._lock:
            if len(self._formats) >= self.LIMIT:
                self._formats.clear()
            self._formats[sha256] = found
        return found


def _decoded_format(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return FORMATS.get(image.format or "", f"image/{(image.format or 'unknown').lower()}")
    # Pillow's decoders raise nearly anything on broken input.
    except Exception:  # noqa: BLE001
        return None


_seen_formats = _SeenFormats()
