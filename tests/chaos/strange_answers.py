"""What a server can say that nobody has thought of: status × shape × timing, a function each."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import time
from collections.abc import Callable

from .stranger import JSON, Answer, Exchange

RUBBISH = bytes(range(256)) * 8
HTML = b"<!DOCTYPE html><html><body>Please sign in to continue.</body></html>"


def once(wrong: Answer, times: int = 1) -> Answer:
    """Wrong at first, right afterwards."""
    return lambda exchange: wrong(exchange) if exchange.nth <= times else exchange.default()


def says(body: bytes | str | Callable[[Exchange], bytes | str], **how: object) -> Answer:
    """Accepted (at submit), then answered with this body."""

    def answer(exchange: Exchange) -> None:
        if exchange.kind == "submit":
            exchange.accept()
        exchange.answer(body(exchange) if callable(body) else body, **how)

    return answer


def refuses(body: bytes | str, **how: object) -> Answer:
    """Answered without having been accepted."""
    return lambda exchange: exchange.answer(body, **how)


def named(name: object) -> Answer:
    return says(json.dumps({"name": name}))


def links_to(uri: object | Callable[[Exchange], object]) -> Answer:
    return lambda exchange: exchange.answer(
        exchange.finished(uri(exchange) if callable(uri) else uri)
    )


def half_a_header(exchange: Exchange) -> None:
    exchange.accept()
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Le")


def reset_in_the_body(exchange: Exchange) -> None:
    name = exchange.accept() if exchange.kind == "submit" else exchange.name
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + name.encode())
    time.sleep(0.1)
    exchange.reset()


def dripping_body(exchange: Exchange) -> None:
    if exchange.kind == "submit":
        exchange.accept()
    exchange.raw(
        f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: 99999\r\n\r\n".encode()
    )
    exchange.drip(b" ", 300)


def dripping_header(exchange: Exchange) -> None:
    if exchange.kind == "submit":
        exchange.accept()
    exchange.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    exchange.drip(b"x", 40)


def bad_chunks(exchange: Exchange) -> None:
    exchange.accept()
    body = json.dumps({"name": exchange.name}).encode()
    exchange.raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n" + body + b"\r\n0\r\n\r\n"
    )


def cut_chunks(exchange: Exchange) -> None:
    content = exchange.server.clip_of(exchange.operation)
    exchange.raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "one"\r\n\r\n')
    exchange.raw(f"{len(content) // 2:x}\r\n".encode() + content[: len(content) // 2] + b"\r\n")


def whole_chunks(exchange: Exchange) -> None:
    content = exchange.server.clip_of(exchange.operation)
    exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(content), 7000):
        piece = content[start : start + 7000]
        exchange.raw(f"{len(piece):x};x=y\r\n".encode() + piece + b"\r\n")
    exchange.raw(b"0\r\n\r\n")


def early_hints(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
    exchange.default()


def endless(exchange: Exchange) -> None:
    """As much as the client takes."""
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n")
    while not exchange.server.stopping.is_set():
        exchange.raw(b"\0" * 65_536)


def blank_megabytes(count: int) -> Answer:
    def answer(exchange: Exchange) -> None:
        if exchange.kind == "submit":
            exchange.accept()
        right = json.dumps({"name": exchange.name}).encode()
        exchange.answer(b" " * count * 1_000_000 + right)

    return answer


def nested(exchange: Exchange) -> None:
    if exchange.kind == "submit":
        exchange.accept()
    exchange.answer(b'{"name": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")


def redirects(to: Callable[[Exchange], str], status: str = "302 Found") -> Answer:
    def answer(exchange: Exchange) -> None:
        if exchange.kind == "submit":
            exchange.accept()
        exchange.answer(b"", status, headers={"Location": to(exchange)})

    return answer


def two_urls_in_a_circle(exchange: Exchange) -> None:
    other = "b" if exchange.path.endswith("&hop=a") else "a"
    exchange.answer(b"", "302 Found", headers={"Location": f"{exchange.uri}&hop={other}"})


def to_the_other_host(exchange: Exchange) -> str:
    return f"{exchange.server.other_url}/files/{exchange.operation}"


def once_to_the_other_host(exchange: Exchange) -> None:
    if exchange.path.startswith("/v1beta/"):
        exchange.answer(b"", "307 Temporary", headers={"Location": to_the_other_host(exchange)})
    else:
        exchange.default()


def clip(change: Callable[[bytes], bytes], **how: object) -> Answer:
    def answer(exchange: Exchange) -> None:
        content = change(exchange.server.clip_of(exchange.operation))
        exchange.answer(content, content_type="video/mp4", **how)

    return answer


def half_with_etag(etag: str) -> Answer:
    """Half of the file, then cut off, resumable."""

    def answer(exchange: Exchange) -> None:
        content = exchange.server.clip_of(exchange.operation)
        half = content[: len(content) // 2]
        how = {"content_type": "video/mp4", "headers": {"ETag": etag}}
        exchange.answer(half, length=len(content), **how)

    return answer


def partial(start: Callable[[int], int], **headers: str) -> Answer:
    """A 206 whose range is a lie."""

    def answer(exchange: Exchange) -> None:
        content = exchange.server.clip_of(exchange.operation)
        first = start(len(content))
        span = f"bytes {first}-{len(content) - 1}/{len(content)}"
        exchange.answer(
            content[first:],
            "206 Partial Content",
            "video/mp4",
            {"Content-Range": span, **headers},
        )

    return answer


def changed_in_the_middle(exchange: Exchange) -> None:
    """Half of one file, then the rest of another under the range that was asked for."""
    if exchange.nth == 1:
        half_with_etag('"one"')(exchange)
    elif exchange.nth == 2:
        other = bytes(byte ^ 0x55 for byte in exchange.server.clip_of(exchange.operation))
        start = len(other) // 2
        span = f"bytes {start}-{len(other) - 1}/{len(other)}"
        headers = {"Content-Range": span, "ETag": '"two"'}
        exchange.answer(other[start:], "206 Partial Content", "video/mp4", headers)
    else:
        exchange.default()


def longer_than_the_first(exchange: Exchange) -> None:
    """The range fits, the whole does not: another file of another length, without an ETag."""
    if exchange.nth == 1:
        half_with_etag('"one"')(exchange)
    elif exchange.nth == 2:
        content = exchange.server.clip_of(exchange.operation)
        start, size = len(content) // 2, len(content) + 5000
        headers = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        exchange.answer(RUBBISH[:5000], "206 Partial Content", "video/mp4", headers, 5000)
    else:
        exchange.default()


def byteranges(exchange: Exchange) -> None:
    exchange.answer(
        b"--x\r\nContent-Range: bytes 0-3/9\r\n\r\nabcd\r\n--x--",
        "206 Partial Content",
        "multipart/byteranges; boundary=x",
    )


def without_moov(content: bytes) -> bytes:
    return b"".join(content[start:end] for name, start, end in boxes(content) if name != b"moov")


def cut_in_the_moov(content: bytes) -> bytes:
    name, start, end = next(box for box in boxes(content) if box[0] == b"moov")
    return content[: (start + end) // 2]


def box_without_end(content: bytes) -> bytes:
    return content[:32] + struct.pack(">I4sQ", 1, b"mdat", 2**63 - 1) + content[48:]


def rubbish_in_the_middle(content: bytes) -> bytes:
    """Every frame of it broken, the boxes whole."""
    _, start, end = next(box for box in boxes(content) if box[0] == b"mdat")
    return content[: start + 8] + bytes(end - start - 8) + content[end:]


def boxes(content: bytes) -> list[tuple[bytes, int, int]]:
    found, at = [], 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4])
        found.append((content[at + 4 : at + 8], at, at + size))
        at += max(size, 8)
    return found


def inline_video(exchange: Exchange) -> None:
    encoded = base64.b64encode(exchange.server.clip).decode()
    exchange.answer(exchange.done(generatedSamples=[{"video": {"encodedVideo": encoded}}]))


def compressed(exchange: Exchange) -> None:
    if exchange.kind == "submit":
        exchange.accept()
    body = gzip.compress(json.dumps({"name": exchange.name}).encode())
    exchange.answer(body, headers={"Content-Encoding": "gzip"})


def bomb(exchange: Exchange) -> None:
    """200 MB of blanks in 200 kB."""
    if exchange.kind == "submit":
        exchange.accept()
    body = gzip.compress(b" " * 200_000_000, compresslevel=1)
    exchange.answer(body, headers={"Content-Encoding": "gzip"})
