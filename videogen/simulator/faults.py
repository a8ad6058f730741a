"""Scripted failures: what can go wrong on the wire, when, and how often.

`FAULTS` is the table of all faults, by place and name. A `FaultSpec` puts one of them into a script
with conditions; `FaultScript.take` returns the next one that applies, `times` times. The request
handler does to the connection what the fault says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from videogen.simulator import errors
from videogen.simulator.errors import ApiError

PLACES = ("submit", "poll", "download", "done", "list", "webhook", "interaction", "file", "cancel")
MODEL = "veo-3.1-generate-preview"
HTML = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
)

ErrorBuilder = Callable[[Mapping[str, Any]], ApiError]


@dataclass(frozen=True)
class Fault:
    """One way to fail. Exactly one of `error`, `raw` and `effect` says how.

    `error` builds an API error from the spec's params. `raw` is a 200 with that content type and
    body. `effect` is a name that the handler knows or, for `done`, the operation's outcome.
    `accepts` says that a submission is accepted, and would be paid for, before the fault strikes;
    the param `accepted` overrides it.
    """

    at: str
    name: str
    meaning: str
    error: ErrorBuilder | None = None
    raw: tuple[str, bytes] | None = None
    effect: str = ""
    accepts: bool = False

    @property
    def key(self) -> str:
        return f"{self.at}:{self.name}"


@dataclass(frozen=True)
class FaultSpec:
    """A fault in a script.

    It strikes `times` times (-1 = always) at requests whose prompt contains `match`, after `after`
    of them have passed.
    """

    at: str
    fault: str
    times: int = 1
    after: int = 0
    match: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> Fault:
        return FAULTS[f"{self.at}:{self.fault}"]

    @property
    def accepts(self) -> bool:
        return bool(self.params.get("accepted", self.definition.accepts))

    @classmethod
    def from_json(cls, value: Any) -> FaultSpec:
        """Return the checked spec. Raises ValueError with a sentence that says what is wrong."""
        if not isinstance(value, dict):
            raise ValueError("A fault is an object with at, fault, times, after, match, params.")
        if unknown := value.keys() - {"at", "fault", "times", "after", "match", "params"}:
            raise ValueError(f"Unknown keys of a fault: {', '.join(sorted(unknown))}.")
        spec = cls(**{"at": "", "fault": "", **value})
        if f"{spec.at}:{spec.fault}" not in FAULTS:
            names = [fault.name for fault in FAULTS.values() if fault.at == spec.at]
            known = f"at {spec.at}: {', '.join(names)}" if names else f"places: {', '.join(PLACES)}"
            raise ValueError(f'No fault "{spec.fault}" at "{spec.at}". Known {known}.')
        whole = isinstance(spec.times, int) and isinstance(spec.after, int)
        if not whole or spec.times < -1 or spec.after < 0:
            raise ValueError("times must be -1 (always) or more, after 0 or more.")
        if not isinstance(spec.match, str) or not isinstance(spec.params, dict):
            raise ValueError("match must be a string and params an object.")
        return spec

    @classmethod
    def from_text(cls, text: str) -> FaultSpec:
        """Read `at:name[:times][:param=value…]` of the command line. Raises ValueError."""
        parts = text.split(":")
        value: dict[str, Any] = {"at": parts[0], "fault": parts[1] if len(parts) > 1 else ""}
        params: dict[str, Any] = {}
        for part in parts[2:]:
            name, has_value, setting = part.partition("=")
            if has_value and name in ("times", "after"):
                value[name] = int(setting)
            elif has_value and name == "match":
                value[name] = setting
            elif has_value:
                params[name] = _number_or_text(setting)
            else:
                value["times"] = int(name)
        return cls.from_json({**value, "params": params})


class FaultScript:
    """The faults to come, in order. Safe to use from many threads."""

    def __init__(self, specs: list[FaultSpec] | None = None) -> None:
        self._lock = threading.Lock()
        self._specs = list(specs or [])

    def take(self, at: str, prompt: str) -> FaultSpec | None:
        """Return the first fault that strikes here now and count it, or None if there is none."""
        with self._lock:
            for index, spec in enumerate(self._specs):
                if spec.at != at or spec.times == 0 or spec.match not in prompt:
                    continue
                if spec.after:
                    self._specs[index] = replace(spec, after=spec.after - 1)
                    continue
                if spec.times > 0:
                    self._specs[index] = replace(spec, times=spec.times - 1)
                return spec
        return None

    def add(self, specs: list[FaultSpec], *, replacing: bool = False) -> None:
        with self._lock:
            self._specs = ([] if replacing else self._specs) + specs

    def clear(self) -> None:
        self.add([], replacing=True)

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(spec) for spec in self._specs if spec.times != 0]


def _number_or_text(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _fixed(build: Callable[[], ApiError]) -> ErrorBuilder:
    return lambda params: build()


def _quota(window: str, limit: int, seconds: float) -> ErrorBuilder:
    def build(params: Mapping[str, Any]) -> ApiError:
        return errors.quota_exceeded(
            f"PredictLongRunningRequestsPer{window}PerProjectPerModel",
            MODEL,
            int(params.get("limit", limit)),
            float(params.get("retry_seconds", seconds)),
        )

    return build


def _invalid(params: Mapping[str, Any]) -> ApiError:
    return errors.invalid_argument(params.get("message", "Request contains an invalid argument."))


_RESOURCE_EXHAUSTED = _fixed(
    lambda: ApiError(429, "Resource has been exhausted (e.g. check quota).")
)
_UNAUTHENTICATED = _fixed(
    lambda: ApiError(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential.",
    )
)
_DENIED = _fixed(
    lambda: ApiError(403, "Your project has been denied access. Please contact support.")
)

_TABLE = (
    # submit: refused before anything was accepted
    Fault("submit", "invalid_argument", "400: the request is wrong.", _invalid),
    Fault("submit", "key_invalid", "400 API_KEY_INVALID.", _fixed(errors.key_invalid)),
    Fault("submit", "unauthenticated", "401 UNAUTHENTICATED.", _UNAUTHENTICATED),
    Fault("submit", "permission_denied", "403 PERMISSION_DENIED.", _DENIED),
    Fault(
        "submit",
        "model_not_found",
        "404: no such model, or not for this method.",
        lambda params: errors.model_not_found(params.get("model", MODEL)),
    ),
    Fault(
        "submit",
        "model_retired",
        '404: the model is "no longer available".',
        lambda params: errors.model_retired(params.get("model", MODEL)),
    ),
    Fault("submit", "payment_required", "402: no billing.", _fixed(errors.payment_required)),
    Fault(
        "submit",
        "credits_depleted",
        '429 "prepayment credits are depleted".',
        _fixed(errors.credits_depleted),
    ),
    Fault("submit", "spend_limit", "429 spend-based rate limit.", _fixed(errors.spend_limited)),
    Fault(
        "submit",
        "quota_minute",
        "429 quota a minute with RetryInfo (params retry_seconds, limit).",
        _quota("Minute", 2, 12),
    ),
    Fault("submit", "quota_day", "429 quota a day (params limit).", _quota("Day", 10, 0)),
    Fault("submit", "unavailable", "503: overloaded, not accepted.", _fixed(errors.unavailable)),
    # submit: the outcome is unknown to the caller
    Fault("submit", "internal", "500; not accepted unless accepted=1.", _fixed(errors.internal)),
    Fault(
        "submit",
        "gateway_timeout",
        "504 although the operation WAS accepted.",
        _fixed(errors.gateway_timeout),
        accepts=True,
    ),
    Fault("submit", "hang", "Accepted, then never answered.", effect="hang", accepts=True),
    Fault("submit", "hang_before_accept", "Never answered, not accepted.", effect="hang"),
    Fault("submit", "drop_after_accept", "Accepted, then cut off.", effect="drop", accepts=True),
    Fault("submit", "drop_before_accept", "Cut off, not accepted.", effect="drop"),
    Fault(
        "submit",
        "garbage_after_accept",
        "Accepted, then 200 with half a JSON object.",
        raw=("application/json; charset=UTF-8", b'{"name": "models/veo-3.1-gen'),
        accepts=True,
    ),
    Fault("submit", "html_200", "200 with a web page.", raw=("text/html", HTML)),
    Fault("submit", "empty", "200 with no body.", raw=("application/json", b"")),
    Fault("submit", "no_name", "200 with {}.", raw=("application/json", b"{}")),
    Fault("submit", "slow", "Answered after param seconds (5).", effect="slow", accepts=True),
    # poll
    Fault("poll", "quota", "429.", _RESOURCE_EXHAUSTED),
    Fault("poll", "internal", "500.", _fixed(errors.internal)),
    Fault("poll", "unavailable", "503.", _fixed(errors.unavailable)),
    Fault("poll", "drop", "Cut off without an answer.", effect="drop"),
    Fault(
        "poll", "garbage", "200 with half a JSON object.", raw=("application/json", b'{"name": "mo')
    ),
    Fault("poll", "html_200", "200 with a web page.", raw=("text/html", HTML)),
    Fault(
        "poll",
        "not_found",
        "404: the operation is forgotten.",
        lambda params: errors.operation_not_found(params.get("name", "")),
    ),
    Fault("poll", "key_invalid", "400 API_KEY_INVALID.", _fixed(errors.key_invalid)),
    Fault("poll", "unauthenticated", "401 UNAUTHENTICATED.", _UNAUTHENTICATED),
    Fault("poll", "permission_denied", "403 PERMISSION_DENIED.", _DENIED),
    Fault(
        "poll",
        "failed_precondition",
        "400 FAILED_PRECONDITION, about the operation alone (param message).",
        lambda params: ApiError(
            400,
            str(params.get("message", "The operation is not in a state to be read.")),
            status="FAILED_PRECONDITION",
        ),
    ),
    Fault("poll", "gateway_timeout", "504.", _fixed(errors.gateway_timeout)),
    Fault("poll", "slow", "Answered after param seconds (5).", effect="slow"),
    Fault("poll", "hang", "Never answered.", effect="hang"),
    # done: how the operation ends
    Fault(
        "done",
        "error",
        "Ends with an error (params code = 13, 14, 8 or 4, message).",
        effect="error",
    ),
    Fault(
        "done",
        "blocked",
        "Blocked by the safety filters (params codes = list of support codes, message).",
        effect="blocked",
    ),
    Fault("done", "blocked_audio", "Blocked for its audio, not charged.", effect="blocked_audio"),
    Fault("done", "nothing", "done and nothing else.", effect="nothing"),
    Fault("done", "empty_samples", "A response with no sample in it.", effect="empty_samples"),
    Fault("done", "never_done", "Never done, for ever running.", effect="never_done"),
    Fault("done", "two_samples", "Two videos instead of one.", effect="two_samples"),
    # list: of operations and of generated files; `match` looks at the path
    Fault("list", "unimplemented", "501 UNIMPLEMENTED.", _fixed(errors.unimplemented)),
    Fault("list", "not_found", "404: no such list.", lambda params: errors.route_not_found("")),
    Fault("list", "quota", "429.", _RESOURCE_EXHAUSTED),
    Fault("list", "internal", "500.", _fixed(errors.internal)),
    Fault("list", "unavailable", "503.", _fixed(errors.unavailable)),
    Fault("list", "key_invalid", "400 API_KEY_INVALID.", _fixed(errors.key_invalid)),
    Fault("list", "permission_denied", "403 PERMISSION_DENIED.", _DENIED),
    Fault("list", "drop", "Cut off without an answer.", effect="drop"),
    Fault("list", "hang", "Never answered.", effect="hang"),
    Fault("list", "slow", "Answered after param seconds (5).", effect="slow"),
    Fault(
        "list",
        "garbage",
        "200 with half a JSON object.",
        raw=("application/json", b'{"operations"'),
    ),
    Fault("list", "html_200", "200 with a web page.", raw=("text/html", HTML)),
    Fault("list", "empty", "200 with no body.", raw=("application/json", b"")),
    Fault(
        "list",
        "nothing",
        "200 with {}: an empty list, whatever there is.",
        raw=("application/json", b"{}"),
    ),
    Fault(
        "list",
        "wrong_types",
        "200 with entries that are none.",
        raw=(
            "application/json",
            b'{"operations": [7], "generatedFiles": [{"name": 7}], "items": [7]}',
        ),
    ),
    Fault("list", "endless", "The first page again and again.", effect="endless"),
    Fault("list", "huge", "200 with blanks (param megabytes, 64).", effect="huge"),
    # webhook: what becomes of the event
    Fault("webhook", "lost", "Never told.", effect="lost"),
    Fault("webhook", "twice", "Told twice, with the same webhook-id.", effect="twice"),
    Fault("webhook", "forged", "Signed with a key that is not ours.", effect="forged"),
    Fault("webhook", "slow", "Told after param seconds (5).", effect="slow"),
    # download
    Fault(
        "download",
        "forbidden",
        "403.",
        lambda params: errors.file_forbidden(params.get("file", "")),
    ),
    Fault(
        "download",
        "not_found",
        "404: older than two days.",
        lambda params: errors.file_not_found(params.get("file", "")),
    ),
    Fault("download", "quota", "429.", _RESOURCE_EXHAUSTED),
    Fault("download", "internal", "500.", _fixed(errors.internal)),
    Fault("download", "unavailable", "503.", _fixed(errors.unavailable)),
    Fault("download", "html_200", "200 with a web page.", raw=("text/html; charset=utf-8", HTML)),
    Fault(
        "download",
        "json_200",
        "200 with a JSON error.",
        raw=("application/json; charset=UTF-8", errors.internal().body),
    ),
    Fault("download", "empty", "200 video/mp4 with no byte.", raw=("video/mp4", b"")),
    Fault(
        "download",
        "truncated",
        "Announces the whole length, ends early (param fraction 0.5), cannot be resumed.",
        effect="truncated",
    ),
    Fault(
        "download",
        "short",
        "Announces and sends only the first part (param fraction 0.5): the container is cut.",
        effect="short",
    ),
    Fault("download", "slow", "Trickles (param bytes_per_second, 65536).", effect="slow"),
    Fault("download", "hang", "Never answered.", effect="hang"),
    Fault("download", "drop", "Cut off without an answer.", effect="drop"),
    Fault(
        "download",
        "drop_midway",
        "Cut off in the middle (param fraction 0.5); a Range request goes on.",
        effect="drop_midway",
    ),
    Fault("download", "no_range", "Ignores Range: 200 and the whole file.", effect="no_range"),
    Fault("download", "redirect", "302 to another path of this host.", effect="redirect"),
    Fault(
        "download",
        "redirect_other_host",
        "302 to another port, where a key header is recorded as leaked (param url).",
        effect="redirect_other_host",
    ),
    Fault("download", "redirect_loop", "302 for ever.", effect="redirect_loop"),
    Fault(
        "download",
        "redirect_file_scheme",
        "302 to file:///etc/passwd.",
        effect="redirect_file_scheme",
    ),
    Fault("download", "wrong_jpeg", "A picture called video/mp4.", effect="wrong_jpeg"),
    Fault("download", "wrong_audio_only", "An mp4 without video.", effect="wrong_audio_only"),
    Fault(
        "download", "wrong_no_frames", "An mp4 whose duration is zero.", effect="wrong_no_frames"
    ),
    Fault("download", "wrong_too_short", "A playable mp4 of one second.", effect="wrong_too_short"),
)

FAULTS = {fault.key: fault for fault in _TABLE}
