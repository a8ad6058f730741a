"""Interactions that make videos: create, get, cancel, and the state of the file of a link.

Documented (ai.google.dev/gemini-api/docs/omni, .../api/interactions-api, google-genai 2.34.0's
types) are the paths, the statuses, the steps with `model_output`, the link's form, a file that is
PROCESSING until it is ACTIVE, 400 for an unknown id, and that only what runs in the background can
be cancelled.

Guessed are that errors have the form of the API's other errors (the SDK declares {"error": {"code":
text, "message"}}), that the words of a failure are in `errors`, that a refusal is a text without
further marks, and that cancelling an ended interaction changes nothing.
"""

from __future__ import annotations

import base64
import time
from typing import Any

from videogen.simulator import errors
from videogen.simulator.endpoints.omni_validation import check_interaction
from videogen.simulator.errors import ApiError
from videogen.simulator.http import EndpointHandler
from videogen.simulator.journal import describe_refusal, describe_request, submission_entry
from videogen.simulator.operations import AUDIO, BLOCKED, ERRORS, Operation, rfc3339
from videogen.simulator.validation import parse_body

# An interaction is queued for this share of the time until it is done.
QUEUED_SHARE = 0.25


def create(handler: EndpointHandler) -> None:
    """Accept an interaction, and answer before anything is made."""
    simulator = handler.simulator
    entry = submission_entry(time.time(), "", key_ok=False)
    simulator.journal.add_submission(entry)
    try:
        handler.check_key()
        entry["key_ok"] = True
        payload = parse_body(handler.headers.get("Content-Type", ""), handler.body)
        name = payload.get("model")
        entry["model"] = name = name.removeprefix("models/") if isinstance(name, str) else ""
        if name and simulator.is_retired(name):
            raise errors.model_retired(name)
        request = check_interaction(payload)
        describe_request(entry, request)
        spec = simulator.faults.take("submit", request.prompt)
        if spec is not None:
            entry["fault"] = spec.fault
        if spec is None or spec.accepts:
            operation = simulator.accept(request, entry, delivery=request.delivery)
        if spec is not None and not handler.misbehave(spec):
            return
    except ApiError as error:
        describe_refusal(entry, error)
        raise
    handler.send_json(_resource(handler, operation))


def show(handler: EndpointHandler, name: str) -> None:
    """Answer with an interaction's status, and with its outcome once it has ended."""
    handler.check_key()
    operation = _find(handler, name)
    simulator = handler.simulator
    simulator.journal.count(name, "polls")
    spec = simulator.faults.take("poll", operation.prompt)
    if spec is not None:
        if spec.fault == "not_found":
            raise _unknown()
        if not handler.misbehave(spec):
            return
    handler.send_json(_resource(handler, simulator.advance(operation)))


def cancel(handler: EndpointHandler, name: str) -> None:
    """Cancel an interaction that runs. One that has ended stays as it is."""
    handler.check_key()
    operation = _find(handler, name)
    simulator = handler.simulator
    simulator.journal.count(name, "cancels")
    spec = simulator.faults.take("cancel", operation.prompt)
    if spec is not None and not handler.misbehave(spec):
        return
    operation = simulator.advance(operation)
    if not operation.outcome or operation.outcome == "never_done":
        operation = simulator.store.finish(operation, "status", {"status": "cancelled"})
    handler.send_json(_resource(handler, operation))


def show_file(handler: EndpointHandler, wanted: str) -> None:
    """Answer with a file's metadata. Its `state` says whether it can be downloaded."""
    handler.check_key()
    simulator = handler.simulator
    operation = simulator.store.find_file(wanted, time.time())
    if operation is None:
        raise errors.file_forbidden(wanted)
    simulator.journal.count(operation.name, "file_polls")
    spec = simulator.faults.take("file", operation.prompt)
    if spec is not None and not handler.misbehave(spec):
        return
    state = _state(handler, operation)
    file: dict[str, Any] = {
        "name": f"files/{wanted}",
        "mimeType": "video/mp4",
        "createTime": rfc3339(operation.ready_at),
        "updateTime": rfc3339(operation.ready_at),
        "uri": f"{handler.base_url}/v1beta/files/{wanted}",
        "downloadUri": _link(handler, wanted),
        "state": state,
        "source": "GENERATED",
    }
    if state == "ACTIVE":
        file["sizeBytes"] = str(simulator.store.clip_path(operation).stat().st_size)
    if state == "FAILED":
        file["error"] = {"code": 13, "message": "The file could not be processed."}
    handler.send_json(file)


def check_active(handler: EndpointHandler, operation: Operation, wanted: str) -> None:
    """Raise the refusal of a download that came before its file was ready."""
    if operation.delivery and _state(handler, operation) != "ACTIVE":
        raise errors.invalid_argument(
            f"The File {wanted} is not in an ACTIVE state and usage is not allowed."
        )


def _find(handler: EndpointHandler, name: str) -> Operation:
    operation = handler.simulator.store.find(name.removeprefix("v1_"))
    if operation is None or operation.name != name:
        raise _unknown()
    return operation


def _unknown() -> ApiError:
    return errors.invalid_argument("Invalid interaction name.")


def _state(handler: EndpointHandler, operation: Operation) -> str:
    if operation.outcome == "file_failed":
        return "FAILED"
    ready_at = operation.ready_at + handler.simulator.settings.file_latency
    is_ready = operation.outcome != "file_stuck" and time.time() >= ready_at
    return "ACTIVE" if is_ready or not operation.delivery else "PROCESSING"


def _link(handler: EndpointHandler, file_id: str) -> str:
    return f"{handler.base_url}/v1beta/files/{file_id}:download?alt=media"


def _resource(handler: EndpointHandler, operation: Operation) -> dict[str, Any]:
    """Return the interaction as the API shows it. The SDK adds output_video and output_text."""
    status = _status(operation)
    created = rfc3339(operation.accepted_at)
    resource: dict[str, Any] = {
        "id": operation.name,
        "object": "interaction",
        "model": operation.model,
        "status": status,
        "created": created,
        "updated": created,
    }
    if status in ("queued", "in_progress"):
        return resource
    resource["updated"] = rfc3339(operation.ready_at)
    if operation.outcome == "error":
        code = int(operation.params.get("code", 13))
        words = operation.params.get("message", ERRORS.get(code, "Unknown error."))
        return resource | {"errors": [{"code": str(code), "message": words}]}
    steps: list[dict[str, Any]] = [{"type": "thought", "signature": "c2ltdWxhdGVk"}]
    if operation.outcome not in ("nothing", "status") or operation.params.get("video"):
        steps.append({"type": "model_output", "content": _content(handler, operation)})
    return resource | {"steps": steps}


def _status(operation: Operation) -> str:
    if operation.outcome in ("", "never_done"):
        waited = time.time() - operation.accepted_at
        is_queued = waited < QUEUED_SHARE * (operation.ready_at - operation.accepted_at)
        return "queued" if is_queued else "in_progress"
    if operation.outcome == "error":
        return "failed"
    if operation.outcome == "status":
        return str(operation.params.get("status", "incomplete"))
    return "completed"


def _content(handler: EndpointHandler, operation: Operation) -> list[dict[str, Any]]:
    video: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
    outcome = operation.outcome
    if outcome == "no_data":
        return [video]
    if outcome == "empty_samples":
        return []
    if outcome in ("blocked", "blocked_audio"):
        default = AUDIO if outcome == "blocked_audio" else BLOCKED + "58061214"
        return [{"type": "text", "text": operation.params.get("message", default)}]
    if outcome == "inline" or operation.delivery == "inline":
        clip = handler.simulator.store.clip_path(operation).read_bytes()
        return [video | {"data": base64.b64encode(clip).decode()}]
    return [video | {"uri": _link(handler, one)} for one in operation.file_ids]
