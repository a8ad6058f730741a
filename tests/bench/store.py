"""Downloads that end in an object store against those that end on the local disk, in one run: how
much longer do they take, and how much memory?

Once the clips come over a network of 100 MB/s, which is what a fast one does, and once over
loopback, where the cores do nothing but move bytes: the store's own server takes most of them. How
long it takes for them by itself is shown beside the figures, for orientation: a client of the SDK
puts the same bytes, and does nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

from tests.support.clips import write_clip
from tests.support.installations import Installation
from tests.support.object_stores import BUCKET, StoreServer

from .measure import Figure

AT_ONCE = 8  # what VIDEO_DOWNLOADS_AT_ONCE is where it is not set
# Nothing comes any more while the last ones are stored: of so many clips, that is a quarter.
CLIPS, MEGABYTES, ROUNDS = 4 * AT_ONCE, 20, 3
NETWORK = 100  # megabytes a second, all connections together
DOWNLOAD = """
import json, resource, time
from tests.support.factories import State, make_render, make_story, shots_of
from videogen.models import VideoRender
from videogen.takes.download_worker import Downloads
story = make_story({name!r}, shots={clips})
renders = [
    make_render(shot, State.DOWNLOADING, download_uri={url!r} + f"/{{shot.pk}}")
    for shot in shots_of(story)
]
downloads = Downloads([renders[0].lane], scope=[each.pk for each in renders])
start = time.perf_counter()
while downloads.tick():
    pass
seconds = time.perf_counter() - start
downloads.close()
done = VideoRender.objects.filter(pk__in=downloads.scope, state=State.DONE)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"seconds": seconds, "done": done.count(), "peak": peak}}))
"""


def measure(folder: Path) -> list[Figure]:
    body = _clip(folder)
    servers = {"network": _serve(body, NETWORK), "loopback": _serve(body, None)}
    urls = {name: f"http://127.0.0.1:{each.server_port}" for name, each in servers.items()}
    took: dict[tuple[str, str], list[float]] = {}
    alone: list[float] = []
    peaks: dict[int, float] = {}
    try:
        with StoreServer(folder / "server") as store:
            places = {
                "disk": Installation(folder / "disk", DJANGO_DEBUG="1"),
                "store": Installation(folder / "store", **store.environment()),
            }
            for each in places.values():
                each.manage("migrate")
            for number, (source, url), (name, place) in product(
                range(ROUNDS), urls.items(), places.items()
            ):
                place.environment["GOOGLE_GEMINI_BASE_URL"] = url
                told = _download(place, f"{name}-{source}-{number}", CLIPS, url)
                took.setdefault((source, name), []).append(told["seconds"])
            alone = [_put_alone(store, body) for _ in range(ROUNDS)]
            for clips in (2, 2 * CLIPS):
                told = _download(places["store"], f"peak-{clips}", clips, urls["loopback"])
                peaks[clips] = told["peak"]
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()
    middle = {key: statistics.median(seconds) for key, seconds in took.items()}
    server_alone = statistics.median(alone)
    figures = []
    for source in urls:
        away, disk = middle[source, "store"], middle[source, "disk"]
        rate = CLIPS * MEGABYTES / away
        figures.append(
            Figure(
                f"downloads to an object store, {source}",
                away / disk,
                1.25,
                "× the time of those to the disk",
                f"{CLIPS} clips of {MEGABYTES} MB: {away:.1f} s ({rate:.0f} MB/s) and {disk:.1f} s,"
                f" the middle one of {ROUNDS}; throughput {disk / away:.2f} of the disk's. Nothing"
                f" but a client that puts them, {AT_ONCE} at once: {server_alone:.1f} s,"
                f" {server_alone / disk:.2f} × the disk's time",
            )
        )
    return [
        *figures,
        Figure(
            f"memory of {2 * CLIPS} downloads to the store against 2",
            peaks[2 * CLIPS] - peaks[2],
            MEGABYTES,
            "MB more",
            f"peaks of the whole process: {peaks[2]:.0f} and {peaks[2 * CLIPS]:.0f} MB",
        ),
    ]


def _download(place: Installation, name: str, clips: int, url: str) -> dict[str, float]:
    code = DOWNLOAD.format(name=name, clips=clips, url=url)
    told: dict[str, float] = json.loads(place.manage("shell", "-v0", "-c", code).stdout)
    assert told["done"] == clips, told
    return told


def _put_alone(store: StoreServer, body: bytes) -> float:
    """Return how many seconds the store's server takes to be given the same clips."""
    client = store.client()
    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()

    def put(number: int) -> None:
        client.put_object(
            Bucket=BUCKET,
            Key=f"alone/{number}.mp4",
            Body=body,
            ContentType="video/mp4",
            ChecksumSHA256=checksum,
        )

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(put, range(CLIPS)))
    seconds = time.perf_counter() - start
    client.close()
    return seconds


def _clip(folder: Path) -> bytes:
    """A playable clip with a box that every reader skips."""
    data = write_clip(folder / "clip.mp4", faststart=True)
    size = (MEGABYTES << 20) - len(data)
    return data + size.to_bytes(4, "big") + b"free" + bytes(size - 8)


def _serve(body: bytes, megabytes_a_second: float | None) -> ThreadingHTTPServer:
    """Serve the body at any path, all connections together at most so fast."""
    piece = 1 << 18
    lock = threading.Lock()
    free_at = 0.0

    def wait_for_room() -> None:
        nonlocal free_at
        if megabytes_a_second is None:
            return
        with lock:
            free_at = max(free_at, time.monotonic()) + piece / (megabytes_a_second * (1 << 20))
            until = free_at
        time.sleep(max(0.0, until - time.monotonic()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for start in range(0, len(body), piece):
                wait_for_room()
                self.wfile.write(body[start : start + piece])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
