"""Sends a clip from disk, whole or in ranges, in constant memory, or fails as scripted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from videogen.simulator import errors
from videogen.simulator.faults import FaultSpec
from videogen.simulator.http import EndpointHandler, SimulatorHandler
from videogen.simulator.operations import Operation

VIDEO = "video/mp4"
SLICE_SECONDS = 0.1
MEGABYTE = b" " * 1024**2


def deliver(handler: EndpointHandler, operation: Operation, file_id: str) -> None:
    """Answer a download from the API's own host, with the next scripted fault if there is one."""
    if "loop" in handler.query:
        redirect(handler, _loop(file_id, int(handler.query["loop"]) + 1))
        return
    spec = begin(handler, operation)
    is_first_hop = not handler.path.startswith("/download/")
    where = handler.simulator.settings.redirect_downloads
    if spec is None and where != "none" and is_first_hop:
        redirect(handler, _target(handler, file_id, where))
        return
    send_as_scripted(
        handler, operation, file_id, spec, lambda spec: _scripted_target(handler, file_id, spec)
    )


def begin(handler: EndpointHandler, operation: Operation) -> FaultSpec | None:
    """Count the download and return its scripted fault, if there is one."""
    simulator = handler.simulator
    simulator.journal.count(operation.name, "downloads")
    if "Range" in handler.headers:
        simulator.journal.count(operation.name, "range_downloads")
    is_get = handler.command == "GET"
    return simulator.faults.take("download", operation.prompt) if is_get else None


def send_as_scripted(
    handler: EndpointHandler,
    operation: Operation,
    file_id: str,
    spec: FaultSpec | None,
    target: Callable[[FaultSpec], str],
) -> None:
    """Send the clip, or do what the script says. `target` returns where a redirect leads."""
    if spec is None:
        send_clip(handler, operation, file_id)
        return
    effect = spec.definition.effect
    if effect.startswith("redirect"):
        redirect(handler, target(spec))
    elif effect.startswith("wrong_"):
        from videogen.simulator.footage.clips import wrong_content

        handler.send_body(200, VIDEO, wrong_content(effect))
    elif effect in ("slow", "truncated", "short", "drop_midway", "no_range"):
        send_clip(handler, operation, file_id, spec)
    else:
        handler.misbehave(spec)


def send_clip(
    handler: SimulatorHandler, operation: Operation, file_id: str, spec: FaultSpec | None = None
) -> None:
    """Send the clip's bytes: 200, 206 for one range, or 416 for a range outside of the file."""
    effect = spec.definition.effect if spec else ""
    fraction = float(spec.params.get("fraction", 0.5)) if spec else 1.0
    path = handler.simulator.store.clip_path(operation)
    if not path.exists():
        raise errors.file_not_found(file_id)
    size = path.stat().st_size
    etag = f'"{file_id}-{size:x}"'
    is_resumable = effect not in ("truncated", "short", "no_range")
    span = _asked_range(handler, size, etag) if is_resumable else None
    if span is not None and span[0] >= size:
        body = errors.invalid_argument("Requested range not satisfiable.").body
        handler.send_body(416, "application/json", body, {"Content-Range": f"bytes */{size}"})
        return
    start, end = span or (0, size)
    announced = sent = end - start
    if effect in ("truncated", "drop_midway"):
        sent = int(announced * fraction)
    elif effect == "short":
        announced = sent = int(announced * fraction)

    handler.send_response(206 if span else 200)
    handler.send_header("Content-Type", VIDEO)
    handler.send_header("Content-Length", str(announced))
    handler.send_header("ETag", etag)
    handler.send_header("Content-Disposition", f'attachment; filename="{file_id}.mp4"')
    if is_resumable:
        handler.send_header("Accept-Ranges", "bytes")
    if span:
        handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
    handler.end_headers()
    if handler.command == "HEAD":
        return
    is_slow = spec is not None and effect == "slow"
    speed = float(spec.params.get("bytes_per_second", 65_536)) if spec and is_slow else 0.0
    _send_bytes(handler, path, start, sent, speed)
    if sent < announced:
        handler.drop()


def redirect(handler: SimulatorHandler, location: str) -> None:
    handler.send_body(302, "text/html; charset=UTF-8", b"", {"Location": location})


def send_blanks(handler: SimulatorHandler, spec: FaultSpec) -> None:
    """Send a body of many megabytes of spaces."""
    count = int(spec.params.get("megabytes", 64))
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(count * len(MEGABYTE)))
    handler.end_headers()
    for _ in range(count):
        handler.wfile.write(MEGABYTE)


def _send_bytes(
    handler: SimulatorHandler, path: Path, start: int, count: int, speed: float
) -> None:
    with path.open("rb") as file:
        if not speed:
            # sendfile(2) needs neither memory nor the interpreter's lock.
            if count:
                handler.connection.sendfile(file, start, count)
            return
        file.seek(start)
        step = max(1, int(speed * SLICE_SECONDS))
        while count and not handler.simulator.stopping.is_set():
            handler.wfile.write(file.read(min(step, count)))
            count -= min(step, count)
            handler.pause(SLICE_SECONDS)


def _asked_range(handler: SimulatorHandler, size: int, etag: str) -> tuple[int, int] | None:
    """Return start and end (exclusive) of a single byte range, or None for the whole file."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", handler.headers.get("Range", "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    if handler.headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else (size, size)
    end = min(int(last) + 1, size) if last else size
    return (int(first), end) if int(first) < end or int(first) >= size else None


def _target(handler: EndpointHandler, file_id: str, where: str) -> str:
    if where == "other":
        return f"{handler.simulator.mirror_url}/signed/{file_id}.mp4?token=signed"
    return f"{handler.base_url}/download{urlsplit(handler.path).path}?alt=media"


def _loop(file_id: str, round_number: int) -> str:
    return f"/v1beta/files/{file_id}:download?alt=media&loop={round_number}"


def _scripted_target(handler: EndpointHandler, file_id: str, spec: FaultSpec) -> str:
    if spec.fault == "redirect_loop":
        return _loop(file_id, 1)
    if spec.fault == "redirect_file_scheme":
        return "file:///etc/passwd"
    where = "other" if spec.fault == "redirect_other_host" else "same"
    return str(spec.params.get("url") or _target(handler, file_id, where))
