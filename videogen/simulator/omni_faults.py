"""The faults that only interactions have. Loading this module adds them to `FAULTS`."""

from __future__ import annotations

from videogen.simulator import errors
from videogen.simulator.errors import ApiError
from videogen.simulator.faults import FAULTS, Fault, FaultScript, FaultSpec
from videogen.simulator.operations import Operation

_TABLE = (
    # interaction: how one ends, before `done` is looked at
    Fault(
        "interaction",
        "status",
        "Ends with param status (incomplete) and, with video=1, with its video.",
        effect="status",
    ),
    Fault("interaction", "inline", "The video as base64, whatever was asked for.", effect="inline"),
    Fault("interaction", "no_data", "A video that has neither link nor data.", effect="no_data"),
    Fault("interaction", "file_failed", "A link whose file ends FAILED.", effect="file_failed"),
    Fault("interaction", "file_stuck", "A link whose file stays PROCESSING.", effect="file_stuck"),
    # file: asking for a file's state
    Fault("file", "internal", "500.", lambda params: errors.internal()),
    Fault("file", "unavailable", "503.", lambda params: errors.unavailable()),
    Fault("file", "not_found", "404.", lambda params: errors.file_not_found("")),
    Fault("file", "forbidden", "403.", lambda params: errors.file_forbidden("")),
    Fault("file", "drop", "Cut off without an answer.", effect="drop"),
    Fault("file", "empty", "200 with {}.", raw=("application/json", b"{}")),
    # cancel
    Fault("cancel", "internal", "500; not cancelled.", lambda params: errors.internal()),
    Fault("cancel", "drop", "Cut off without an answer; not cancelled.", effect="drop"),
    Fault(
        "cancel",
        "unimplemented",
        "501 UNIMPLEMENTED.",
        lambda params: ApiError(501, "Operation is not implemented, or supported, or enabled."),
    ),
)

FAULTS.update({fault.key: fault for fault in _TABLE})


def take_ending(script: FaultScript, operation: Operation) -> FaultSpec | None:
    """Return the scripted ending of the operation and count it, or None for its video."""
    places = ("interaction", "done") if operation.delivery else ("done",)
    specs = (script.take(at, operation.prompt) for at in places)
    return next(filter(None, specs), None)
