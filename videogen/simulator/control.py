"""The control endpoint below `/_simulator/`: read what was received, script failures, reset.

GET    log                submissions, counts per operation, violations
GET    state              settings, faults to come, operations, addresses
GET    faults             faults to come, and the table of all faults
POST   faults[?replace=1] one fault or a list, added to the script or replacing it
DELETE faults
POST   settings           an object with some of the options
POST   age                {"of": operation or file id, "seconds": n}: makes it older; without "of"
                          all of them; without "seconds" by the two days that files live
POST   reset              forgets everything and returns to the options of the start
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from videogen.simulator.errors import invalid_argument, route_not_found
from videogen.simulator.faults import FAULTS, FaultSpec
from videogen.simulator.http import EndpointHandler

HIDDEN = frozenset({"api_key", "access_token", "faults"})


def answer_control(handler: EndpointHandler, path: str) -> None:
    """Answer a request. Raises `ApiError` for an unknown path or a body that cannot be used."""
    action = ACTIONS.get((handler.command, path.rstrip("/")))
    if action is None:
        raise route_not_found(f"/_simulator/{path}")
    try:
        handler.send_json(action(handler))
    except (ValueError, TypeError) as error:
        raise invalid_argument(str(error)) from error


def _log(handler: EndpointHandler) -> Any:
    return handler.simulator.journal.snapshot()


def _state(handler: EndpointHandler) -> Any:
    simulator = handler.simulator
    names = [field.name for field in fields(simulator.settings) if field.name not in HIDDEN]
    settings = {name: getattr(simulator.settings, name) for name in names}
    return {
        "url": simulator.url,
        "mirror_url": simulator.mirror_url,
        "settings": {**settings, "state_dir": str(settings["state_dir"] or "")},
        "faults": simulator.faults.pending(),
        "clips_waiting": simulator.studio.waiting(),
        "spent_usd_in_window": round(simulator.quotas.spent(simulator.settings.spend_window), 2),
        "leaked_keys": simulator.journal.leaked_keys(),
        "operations": [
            {
                "name": operation.name,
                "accepted_at": operation.accepted_at,
                "ready_at": operation.ready_at,
                "outcome": operation.outcome or None,
                "files": list(operation.file_ids),
                "is_painted": simulator.store.clip_path(operation).exists(),
            }
            for operation in simulator.store.all()
        ],
    }


def _faults(handler: EndpointHandler) -> Any:
    known = [
        {"at": fault.at, "fault": fault.name, "meaning": fault.meaning} for fault in FAULTS.values()
    ]
    return {"faults": handler.simulator.faults.pending(), "known": known}


def _add_faults(handler: EndpointHandler) -> Any:
    value = json.loads(handler.body)
    specs = [FaultSpec.from_json(one) for one in (value if isinstance(value, list) else [value])]
    is_replacing = handler.query.get("replace", "") in ("1", "true", "yes")
    handler.simulator.faults.add(specs, replacing=is_replacing)
    return {"faults": handler.simulator.faults.pending()}


def _clear_faults(handler: EndpointHandler) -> Any:
    handler.simulator.faults.clear()
    return {"faults": []}


def _change_settings(handler: EndpointHandler) -> Any:
    value = json.loads(handler.body)
    if not isinstance(value, dict):
        raise ValueError("Settings are an object.")
    handler.simulator.change_settings(value)
    return _state(handler)["settings"]


def _age(handler: EndpointHandler) -> Any:
    value = json.loads(handler.body)
    if not isinstance(value, dict) or value.keys() - {"of", "seconds"}:
        raise ValueError('Ageing takes an object with "of" and "seconds", both optional.')
    wanted, seconds = value.get("of", ""), value.get("seconds")
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not isinstance(wanted, str) or not (seconds is None or is_number and seconds >= 0):
        raise ValueError('"of" must be a string and "seconds" a number that is not negative.')
    aged = handler.simulator.store.age(wanted, seconds)
    if wanted and not aged:
        raise ValueError(f"No operation and no file {wanted}.")
    return {"aged": [operation.name for operation in aged]}


def _reset(handler: EndpointHandler) -> Any:
    handler.simulator.reset()
    return {}


ACTIONS: dict[tuple[str, str], Callable[[EndpointHandler], Any]] = {
    ("GET", "log"): _log,
    ("GET", "state"): _state,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "settings"): _change_settings,
    ("POST", "age"): _age,
    ("POST", "reset"): _reset,
}
