"""Cloud Storage's JSON API as far as a finished video needs it: list a prefix, get an object.

    GET /storage/v1/b/BUCKET/o?prefix=P     the objects of that prefix, as resources
    GET /storage/v1/b/BUCKET/o/OBJECT       one resource; with alt=media its bytes, also in ranges

The objects are the videos of Vertex AI operations with a storageUri. Unlike the files of the Gemini
API they do not expire, because the bucket is the caller's own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from videogen.simulator.endpoints import files
from videogen.simulator.endpoints import vertex_errors as words
from videogen.simulator.endpoints.vertex import check_token
from videogen.simulator.errors import ApiError, invalid_argument
from videogen.simulator.faults import FaultSpec
from videogen.simulator.http import EndpointHandler
from videogen.simulator.operations import Operation, rfc3339

LIST_QUERY = frozenset({"prefix", "maxResults", "pageToken", "fields", "projection", "alt"})
LARGEST_PAGE = 1000


def list_objects(handler: EndpointHandler, bucket: str) -> None:
    bucket = unquote(bucket)
    _check(handler, bucket, "storage.objects.list")
    for name in handler.query.keys() - LIST_QUERY:
        raise words.StorageError(400, f'Unknown name "{name}": Cannot bind query parameter.')
    spec = handler.simulator.faults.take("list", handler.path)
    if spec is not None and spec.definition.effect == "huge":
        files.send_blanks(handler, spec)
        return
    if spec is not None and spec.definition.effect != "endless" and not handler.misbehave(spec):
        return
    prefix = handler.query.get("prefix", "")
    found = [(name, one) for name, one in _objects(handler, bucket) if name.startswith(prefix)]
    found.sort(key=lambda pair: pair[0])
    size = min(_page_size(handler), handler.simulator.settings.list_page_size)
    after = handler.query.get("pageToken", "")
    is_endless = spec is not None
    left = found if is_endless else [pair for pair in found if pair[0] > after]
    page: dict[str, Any] = {"kind": "storage#objects"}
    if left:
        page["items"] = [_resource(handler, bucket, *pair) for pair in left[:size]]
    if len(left) > size:
        page["nextPageToken"] = left[size - 1][0]
    elif is_endless:
        page["nextPageToken"] = f"again-{time.time_ns()}"
    handler.send_json(page)


def show_object(handler: EndpointHandler, bucket: str, wanted: str) -> None:
    bucket, wanted = unquote(bucket), unquote(wanted)
    _check(handler, bucket, "storage.objects.get")
    operation = dict(_objects(handler, bucket)).get(wanted)
    if operation is None:
        raise words.object_not_found(bucket, wanted)
    if handler.query.get("alt") == "media":
        _deliver(handler, bucket, wanted, operation)
    else:
        handler.send_json(_resource(handler, bucket, wanted, operation))


def _deliver(handler: EndpointHandler, bucket: str, name: str, operation: Operation) -> None:
    file_id = operation.file_ids[operation.object_uris.index(f"gs://{bucket}/{name}")]
    try:
        spec = files.begin(handler, operation)
        if spec is not None and spec.fault in ("forbidden", "not_found"):
            raise (
                words.storage_forbidden("storage.objects.get")
                if spec.fault == "forbidden"
                else words.object_not_found(bucket, name)
            )
        files.send_as_scripted(handler, operation, file_id, spec, _target(handler, file_id))
    except ApiError as error:
        # When media is asked for, the service answers with the bare sentence.
        handler.send_body(error.code, "text/html; charset=UTF-8", error.message.encode())


def _target(handler: EndpointHandler, file_id: str) -> Callable[[FaultSpec], str]:
    def target(spec: FaultSpec) -> str:
        path = urlsplit(handler.path).path
        if spec.fault == "redirect_loop":
            return f"{path}?alt=media&loop=1"
        if spec.fault == "redirect_file_scheme":
            return "file:///etc/passwd"
        if spec.fault == "redirect_other_host":
            mirror = f"{handler.simulator.mirror_url}/signed/{file_id}.mp4?token=signed"
            return str(spec.params.get("url") or mirror)
        return str(spec.params.get("url") or f"{handler.base_url}/download{path}?alt=media")

    return target


def _check(handler: EndpointHandler, bucket: str, permission: str) -> None:
    def refuse(why: str) -> ApiError:
        if why == "missing":
            return words.storage_anonymous(permission)
        return words.StorageError(401, "Invalid Credentials")

    check_token(handler, refuse)
    settings = handler.simulator.settings
    buckets = [name.strip() for name in settings.storage_buckets.split(",") if name.strip()]
    if buckets and bucket not in buckets:
        raise words.bucket_not_found()
    if settings.storage_forbidden:
        raise words.storage_forbidden(permission)


def _objects(handler: EndpointHandler, bucket: str) -> list[tuple[str, Operation]]:
    """Return the name and the operation of every object in the bucket."""
    start = f"gs://{bucket}/"
    return [
        (uri.removeprefix(start), one)
        for one in map(handler.simulator.advance, handler.simulator.store.all())
        for uri in one.object_uris
        if uri.startswith(start)
    ]


def _resource(
    handler: EndpointHandler, bucket: str, name: str, operation: Operation
) -> dict[str, Any]:
    generation = str(int(operation.ready_at * 1_000_000))
    path = f"{handler.base_url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
    made = rfc3339(operation.ready_at)
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": path,
        "mediaLink": f"{path}?generation={generation}&alt=media",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "contentType": "video/mp4",
        "storageClass": "STANDARD",
        # 64-bit numbers are strings in Google's JSON.
        "size": str(handler.simulator.store.clip_path(operation).stat().st_size),
        "timeCreated": made,
        "updated": made,
    }


def _page_size(handler: EndpointHandler) -> int:
    text = handler.query.get("maxResults", str(LARGEST_PAGE))
    if not text.isdecimal() or not int(text):
        raise invalid_argument(f"Invalid value for maxResults: {text}")
    return min(int(text), LARGEST_PAGE)


_BUCKET = r"(?:/download)?/storage/v1/b/([^/]+)/o"
ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., None]], ...] = (
    ("GET", re.compile(_BUCKET), list_objects),
    ("GET", re.compile(rf"{_BUCKET}/([^/]+)"), show_object),
)
