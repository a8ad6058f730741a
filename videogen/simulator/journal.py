"""What the simulator received and answered. Tests and benches assert on it."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from videogen.simulator.errors import ApiError
from videogen.simulator.validation import ReceivedRequest


def timestamp(seconds: float) -> str:
    """Return a POSIX time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def submission_entry(at: float, model: str, *, key_ok: bool) -> dict[str, Any]:
    """Return the log's row of a submission, before anything about it is known."""
    return {
        "at": at,
        "time": timestamp(at),
        "model": model,
        "key_ok": key_ok,
        "prompt_sha256": None,
        "prompt_length": None,
        "prompt": None,
        "references": [],
        "parameters": None,
        "webhook": None,
        "operation": None,
        "fault": None,
        "error": None,
    }


def describe_request(entry: dict[str, Any], request: ReceivedRequest) -> None:
    """Fill in what was asked for."""
    entry["prompt"] = request.prompt
    entry["prompt_sha256"] = hashlib.sha256(request.prompt.encode()).hexdigest()
    entry["prompt_length"] = len(request.prompt)
    entry["references"] = [
        {"mime_type": picture.mime_type, "sha256": picture.sha256, "bytes": len(picture.content)}
        for picture in request.references
    ]
    entry["parameters"] = request.parameters
    entry["webhook"] = request.webhook


def describe_refusal(entry: dict[str, Any], error: ApiError) -> None:
    entry["error"] = {"code": error.code, "status": error.status, "message": error.message}


class Journal:
    """Submissions, polls, downloads and violations. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._submissions: list[dict[str, Any]] = []
        self._violations: list[dict[str, Any]] = []
        self._counts: dict[str, Counter[str]] = {}

    def add_submission(self, entry: dict[str, Any]) -> None:
        """Add the entry itself, not a copy: later changes of it show in the log."""
        with self._lock:
            self._submissions.append(entry)

    def add_violation(self, at: float, rule: str, detail: str) -> None:
        """Note something that a careful client never does. `detail` must not hold a key."""
        with self._lock:
            self._violations.append({"time": timestamp(at), "rule": rule, "detail": detail})

    def count(self, operation: str, what: str) -> None:
        """Count one thing of an operation, such as its polls or downloads."""
        with self._lock:
            self._counts.setdefault(operation, Counter())[what] += 1

    def clear(self) -> None:
        with self._lock:
            self._submissions, self._violations, self._counts = [], [], {}

    def leaked_keys(self) -> int:
        with self._lock:
            return sum(1 for violation in self._violations if violation["rule"] == "leaked_key")

    def snapshot(self) -> dict[str, Any]:
        """Return {"submissions": […], "operations": {name: {"polls": n, …}}, "violations": […]}."""
        with self._lock:
            return {
                "submissions": [dict(entry) for entry in self._submissions],
                "operations": {name: dict(counts) for name, counts in self._counts.items()},
                "violations": list(self._violations),
            }
