"""Lists of operations and files: models.operations.list, generatedFiles.list and .get.

The service declares all three in its discovery document
(https://generativelanguage.googleapis.com/$discovery/rest?version=v1beta) and says of the first
that a server without it answers UNIMPLEMENTED. Both lists answer so here, unless they are switched
on. Page sizes and the fields of a GeneratedFile (name, mimeType, state, error) are from the same
document. `list_details` adds fields that the document does not have.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Sequence
from typing import Any

from videogen.simulator import errors
from videogen.simulator.endpoints import files
from videogen.simulator.http import EndpointHandler
from videogen.simulator.models import find_model
from videogen.simulator.operations import METADATA_TYPE, Operation, answer, metadata, rfc3339

DEFAULT_PAGE = 10


def list_operations(handler: EndpointHandler, model: str) -> None:
    """List all operations of the model, running or done, newest first."""
    handler.check_key()
    find_model(model)
    simulator = handler.simulator

    def describe(operation: Operation) -> dict[str, Any]:
        told = {}
        if simulator.settings.list_details:
            created = {"@type": METADATA_TYPE, "createTime": rfc3339(operation.accepted_at)}
            told = created | metadata(operation)
        return answer(operation, handler.base_url, told)

    operations = [
        simulator.advance(one) for one in reversed(simulator.store.all()) if one.model == model
    ]
    entries = [(one.name, one) for one in operations]
    _answer_list(handler, "operations", simulator.settings.list_operations, entries, describe)


def list_generated_files(handler: EndpointHandler) -> None:
    """List the files of this key's operations that are still kept."""
    handler.check_key()
    simulator = handler.simulator
    entries = [
        (one, operation)
        for operation in map(simulator.advance, reversed(simulator.store.all()))
        if simulator.store.keeps_files_of(operation, time.time())
        if not operation.parent
        for one in operation.file_ids
    ]
    named = [(one, (one, operation)) for one, operation in entries]
    is_on = simulator.settings.list_generated_files
    _answer_list(handler, "generatedFiles", is_on, named, lambda pair: _resource(handler, *pair))


def show_generated_file(handler: EndpointHandler, wanted: str) -> None:
    """Answer with a file's metadata, or with alt=media with the file."""
    handler.check_key()
    simulator = handler.simulator
    if not simulator.settings.list_generated_files:
        raise errors.unimplemented()
    operation = simulator.store.find_file(wanted, time.time())
    if operation is None or operation.parent:
        raise errors.generated_file_not_found(wanted)
    if handler.query.get("alt") == "media":
        files.deliver(handler, operation, wanted)
    else:
        handler.send_json(_resource(handler, wanted, operation))


def _resource(handler: EndpointHandler, file_id: str, operation: Operation) -> dict[str, Any]:
    file = {"name": f"generatedFiles/{file_id}", "mimeType": "video/mp4", "state": "GENERATED"}
    if handler.simulator.settings.list_details:
        file["createTime"] = rfc3339(operation.ready_at)
        file["uri"] = f"{handler.base_url}/v1beta/files/{file_id}:download?alt=media"
    return file


def _answer_list(
    handler: EndpointHandler,
    key: str,
    is_switched_on: bool,
    entries: Sequence[tuple[str, Any]],
    describe: Callable[[Any], dict[str, Any]],
) -> None:
    """Send one page of the entries (pairs of name and thing), or do what the script says."""
    for name in handler.query.keys() - {"pageSize", "pageToken"}:
        raise errors.unknown_parameter(name)
    if not is_switched_on:
        raise errors.unimplemented()
    spec = handler.simulator.faults.take("list", handler.path)
    effect = spec.definition.effect if spec else ""
    if spec and effect == "huge":
        files.send_blanks(handler, spec)
        return
    if spec and effect != "endless" and not handler.misbehave(spec):
        return
    start = 0 if effect == "endless" else _start(handler.query.get("pageToken", ""), entries)
    asked = _page_size(handler.query.get("pageSize", ""))
    end = start + min(asked, handler.simulator.settings.list_page_size)
    # As in all JSON that comes from protocol buffers, empty fields are left out.
    page: dict[str, Any] = {}
    if found := [describe(thing) for _, thing in entries[start:end]]:
        page[key] = found
    if end < len(entries):
        page["nextPageToken"] = _token(entries[end - 1][0])
    elif effect == "endless":
        page["nextPageToken"] = _token(f"again {time.time_ns()}")
    handler.send_json(page)


def _page_size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError as error:
        raise errors.invalid_argument(
            f"Invalid value at 'page_size' (TYPE_INT32), \"{text}\""
        ) from error
    if size < 0:
        raise errors.invalid_argument("page_size must not be negative.")
    return size or DEFAULT_PAGE


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _start(token: str, entries: Sequence[tuple[str, Any]]) -> int:
    """Return the index after the token's entry, wherever newer entries have moved it."""
    if not token:
        return 0
    try:
        last = base64.b64decode(token, altchars=b"-_", validate=True).decode()
        return [name for name, _ in entries].index(last) + 1
    except (binascii.Error, ValueError) as error:
        raise errors.invalid_argument("The page token is invalid.") from error
