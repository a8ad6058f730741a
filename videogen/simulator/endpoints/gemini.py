"""Veo on the Gemini API: submit, poll, download, the models, and the keys of its events."""

from __future__ import annotations

import time

from videogen.simulator import errors
from videogen.simulator.endpoints import files, omni
from videogen.simulator.errors import ApiError
from videogen.simulator.http import EndpointHandler
from videogen.simulator.journal import describe_refusal, describe_request, submission_entry
from videogen.simulator.models import get_model, listed_models
from videogen.simulator.operations import answer, metadata
from videogen.simulator.validation import check_submission, parse_body


def submit(handler: EndpointHandler, model: str) -> None:
    simulator = handler.simulator
    entry = submission_entry(time.time(), model, key_ok=False)
    simulator.journal.add_submission(entry)
    try:
        handler.check_key()
        entry["key_ok"] = True
        if simulator.is_retired(model):
            raise errors.model_retired(model)
        payload = parse_body(handler.headers.get("Content-Type", ""), handler.body)
        request = check_submission(model, payload)
        describe_request(entry, request)
        spec = simulator.faults.take("submit", request.prompt)
        if spec is not None:
            entry["fault"] = spec.fault
        if spec is None or spec.accepts:
            operation = simulator.accept(request, entry)
        if spec is not None and not handler.misbehave(spec):
            return
    except ApiError as error:
        describe_refusal(entry, error)
        raise
    handler.send_json({"name": operation.name})


def poll(handler: EndpointHandler, model: str, operation_id: str) -> None:
    handler.check_key()
    name = f"models/{model}/operations/{operation_id}"
    operation = handler.simulator.store.find(operation_id)
    if operation is None or operation.name != name:
        raise errors.operation_not_found(name)
    handler.simulator.journal.count(name, "polls")
    spec = handler.simulator.faults.take("poll", operation.prompt)
    if spec is not None and not handler.misbehave(spec):
        return
    handler.send_json(
        answer(handler.simulator.advance(operation), handler.base_url, metadata(operation))
    )


def download(handler: EndpointHandler, wanted: str) -> None:
    handler.check_key()
    if handler.query.get("alt") != "media":
        raise errors.invalid_argument("Downloads need alt=media.")
    operation = handler.simulator.store.find_file(wanted, time.time())
    if operation is None or operation.parent:
        raise errors.file_not_found(wanted)
    omni.check_active(handler, operation, wanted)
    files.deliver(handler, operation, wanted)


def list_models(handler: EndpointHandler) -> None:
    handler.check_key()
    retired = handler.simulator.is_retired
    models = [model for model in listed_models() if not retired(model.name)]
    handler.send_json({"models": [model.resource for model in models]})


def show_model(handler: EndpointHandler, model: str) -> None:
    handler.check_key()
    if handler.simulator.is_retired(model):
        raise errors.model_retired(model)
    handler.send_json(get_model(model))


def show_keys(handler: EndpointHandler) -> None:
    """Answer with the public keys of webhook events. Nobody needs an API key for them."""
    handler.send_json(handler.simulator.signer.key_set())
