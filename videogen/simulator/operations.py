"""The accepted operations, kept in a directory so that a restarted simulator knows them.

operations/<id>.json    one operation, written by atomic rename
references/<sha256>     the images that came with it, for painting after a restart
clips/<id>.mp4          its clip, once painted
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from videogen.simulator.validation import SentPicture

logger = logging.getLogger(__name__)

TYPE = "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
METADATA_TYPE = TYPE.replace("Response", "Metadata")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ERRORS = {
    4: "Deadline expired before operation could complete.",
    8: "Resource has been exhausted.",
    13: "Video generation failed due to an internal server issue. Please try again later.",
    14: "The service is currently unavailable.",
}
# How many files an outcome has. A `status` has one if its params say so.
FILES = {"video": 1, "two_samples": 2, "file_failed": 1, "file_stuck": 1}
BLOCKED = (
    "Veo could not generate videos because the input violates Gemini API's usage guidelines. If "
    "you think this was an error, send feedback. Support codes: "
)
AUDIO = (
    "We encountered an issue with the audio for your prompt, so the video could not be "
    "generated. Please try again. You have not been charged for this attempt."
)


@dataclass(frozen=True)
class Operation:
    """One accepted submission. Times are POSIX seconds; `outcome` is empty until it is done."""

    id: str
    model: str
    prompt: str
    references: tuple[str, ...]
    accepted_at: float
    ready_at: float
    entry: dict[str, Any] = field(repr=False)
    outcome: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    webhook: dict[str, Any] | None = None
    # How an interaction delivers its video: "uri" or "inline". Empty for other operations.
    delivery: str = ""
    # Only on Vertex AI: what stands before the model in the operation's name, and the gs:// prefix
    # for its videos, if one was given.
    parent: str = ""
    storage_uri: str = ""

    @property
    def name(self) -> str:
        if self.delivery:
            return f"v1_{self.id}"
        return f"{self.parent}models/{self.model}/operations/{self.id}"

    @property
    def files(self) -> int:
        """How many videos it ended with."""
        return FILES.get(self.outcome, int(bool(self.params.get("video"))))

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The ids of its files. They are derived from its own id, so nothing has to store them."""
        return tuple(file_id(self.id, index) for index in range(self.files))

    @property
    def object_uris(self) -> tuple[str, ...]:
        """The addresses of its videos in the caller's bucket, in a folder named by the time."""
        if not self.storage_uri:
            return ()
        folder = f"{self.storage_uri.rstrip('/')}/{int(self.accepted_at * 1_000_000)}"
        return tuple(f"{folder}/sample_{index}.mp4" for index in range(self.files))


class OperationStore:
    """All operations. Safe to use from many threads."""

    def __init__(self, directory: Path, lifetime: float) -> None:
        """Keep an operation and its files for `lifetime` seconds after its acceptance."""
        self._lock = threading.Lock()
        self._directory = directory
        self._lifetime = lifetime
        self._operations: dict[str, Operation] = {}
        for name in ("operations", "references", "clips"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    def load(self, now: float) -> list[Operation]:
        """Read what an earlier simulator has left, and delete what has expired."""
        for path in sorted((self._directory / "operations").glob("*.json")):
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
                operation = Operation(**{**values, "references": tuple(values["references"])})
            except (ValueError, TypeError, KeyError):
                logger.warning("Left out an unreadable operation: %s", path.name)
                continue
            if operation.accepted_at < now - self._lifetime:
                path.unlink(missing_ok=True)
                self.clip_path(operation).unlink(missing_ok=True)
            else:
                self._operations[operation.id] = operation
        for leftover in (self._directory / "clips").glob("*.part"):
            leftover.unlink()
        return self.all()

    def accept(
        self,
        *,
        model: str,
        prompt: str,
        pictures: Iterable[SentPicture],
        now: float,
        latency: float,
        entry: dict[str, Any],
        operation_id: str = "",
        **more: Any,
    ) -> Operation:
        """Store a new operation before anybody learns its name. `more` are other fields of it."""
        pictures = tuple(pictures)
        operation = Operation(
            id=operation_id or "".join(secrets.choice(ALPHABET) for _ in range(12)),
            model=model,
            prompt=prompt,
            references=tuple(picture.sha256 for picture in pictures),
            accepted_at=now,
            ready_at=now + latency,
            entry=entry,
            **more,
        )
        entry["operation"] = operation.name
        for picture in pictures:
            path = self._directory / "references" / picture.sha256
            if not path.exists():
                write_atomically(path, picture.content)
        self._save(operation)
        return operation

    def finish(self, operation: Operation, outcome: str, params: dict[str, Any]) -> Operation:
        """Give the operation its outcome, unless it has one already."""
        with self._lock:
            current = self._operations.get(operation.id, operation)
        if current.outcome:
            return current
        finished = replace(current, outcome=outcome, params=params)
        self._save(finished)
        return finished

    def find(self, operation_id: str) -> Operation | None:
        with self._lock:
            return self._operations.get(operation_id)

    def find_file(self, wanted: str, now: float) -> Operation | None:
        """Return the operation that made this file, unless the file has expired by now."""
        with self._lock:
            operations = list(self._operations.values())
        found = next((one for one in operations if wanted in one.file_ids), None)
        return found if found and self.keeps_files_of(found, now) else None

    def keeps_files_of(self, operation: Operation, now: float) -> bool:
        """Whether its files are still kept."""
        return now < operation.accepted_at + self._lifetime

    def age(self, wanted: str, seconds: float | None) -> list[Operation]:
        """Make operations and their files older.

        `wanted` is an operation's name or a file's id; "" means all operations. Without `seconds`
        they get older by the lifetime of files.
        """
        by = self._lifetime if seconds is None else seconds
        aged = [
            replace(one, accepted_at=one.accepted_at - by, ready_at=one.ready_at - by)
            for one in self.all()
            if not wanted or wanted in (one.name, *one.file_ids)
        ]
        for operation in aged:
            self._save(operation)
        return aged

    def all(self) -> list[Operation]:
        """Return all operations, oldest first."""
        with self._lock:
            return sorted(self._operations.values(), key=lambda operation: operation.accepted_at)

    def clip_path(self, operation: Operation) -> Path:
        return self._directory / "clips" / f"{operation.id}.mp4"

    def picture_paths(self, operation: Operation) -> list[Path]:
        """Return the files of the images that came with the operation, in their order."""
        paths = [self._directory / "references" / sha256 for sha256 in operation.references]
        return [path for path in paths if path.exists()]

    def clear(self) -> None:
        with self._lock:
            self._operations.clear()
            for name in ("operations", "references", "clips"):
                shutil.rmtree(self._directory / name, ignore_errors=True)
                (self._directory / name).mkdir(parents=True, exist_ok=True)

    def _save(self, operation: Operation) -> None:
        content = json.dumps(asdict(operation), ensure_ascii=False).encode()
        write_atomically(self._directory / "operations" / f"{operation.id}.json", content)
        with self._lock:
            self._operations[operation.id] = operation


def metadata(operation: Operation) -> dict[str, Any]:
    """Return what the caller gave with the submission.

    The service's own schema of this message is empty, so it is a guess that it contains anything.
    Only a caller that sent a webhookConfig sees it.
    """
    if operation.webhook is None:
        return {}
    given = operation.webhook
    user = given.get("userMetadata", given.get("user_metadata", {}))
    return {
        "@type": METADATA_TYPE,
        "webhookConfig": {"uris": given.get("uris", []), "userMetadata": user},
    }


def answer(
    operation: Operation, base_url: str, told: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the body of a poll: still running, or done in one of four shapes.

    `told` is the operation's metadata, which is left out if it is empty.
    """
    body: dict[str, Any] = {"name": operation.name}
    if told:
        body["metadata"] = told
    if operation.outcome in ("", "never_done"):
        return body
    body["done"] = True
    if operation.outcome == "nothing":
        return body
    if operation.outcome == "error":
        code = int(operation.params.get("code", 13))
        message = operation.params.get("message", ERRORS.get(code, "Unknown error."))
        return body | {"error": {"code": code, "message": message}}
    return body | {
        "response": {"@type": TYPE, "generateVideoResponse": _response(operation, base_url)}
    }


def _response(operation: Operation, base_url: str) -> dict[str, Any]:
    if operation.outcome == "empty_samples":
        return {"generatedSamples": []}
    if operation.outcome in ("blocked", "blocked_audio"):
        reasons = [blocked_reason(operation)]
        return {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
    return {
        "generatedSamples": [
            {"video": {"uri": f"{base_url}/v1beta/files/{one}:download?alt=media"}}
            for one in operation.file_ids
        ]
    }


def blocked_reason(operation: Operation) -> str:
    """Return why a filter refused it, in the API's words."""
    codes = operation.params.get("codes", ["58061214"])
    codes = codes if isinstance(codes, list) else [codes]
    blocked = BLOCKED + ", ".join(str(code) for code in codes)
    default = AUDIO if operation.outcome == "blocked_audio" else blocked
    return str(operation.params.get("message", default))


# A download looks for its file among those of all operations.
@lru_cache(maxsize=65536)
def file_id(operation_id: str, index: int) -> str:
    """Return twelve lower-case characters, as in the service's own links."""
    number = int.from_bytes(hashlib.sha256(f"{operation_id}/{index}".encode()).digest()[:10], "big")
    characters = []
    for _ in range(12):
        number, position = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[position])
    return "".join(characters)


def rfc3339(seconds: float) -> str:
    """Return a POSIX time as the API's Timestamp."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    part.write_bytes(content)
    os.replace(part, path)
