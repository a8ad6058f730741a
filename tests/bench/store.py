"""Downloads that end in an object store against those that end on the local disk, in one run: how
much longer do they take, and how much memory?"""

from __future__ import annotations

import json
import statistics
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.clips import write_clip
from tests.support.installations import Installation
from tests.support.object_stores import StoreServer

from .measure import Figure

CLIPS, MEGABYTES, ROUNDS = 16, 20, 3
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
    server = _serve(_clip(folder))
    url = f"http://127.0.0.1:{server.server_port}"
    took: dict[str, list[float]] = {"disk": [], "store": []}
    peaks: dict[int, float] = {}
    try:
        with StoreServer(folder / "server") as store:
            places = {
                "disk": Installation(folder / "disk", DJANGO_DEBUG="1"),
                "store": Installation(folder / "store", **store.environment()),
            }
            for each in places.values():
                each.environment["GOOGLE_GEMINI_BASE_URL"] = url
                each.manage("migrate")
            for number in range(ROUNDS):
                for name, place in places.items():
                    took[name].append(_download(place, f"{name}-{number}", CLIPS, url)["seconds"])
            for clips in (2, 2 * CLIPS):
                peaks[clips] = _download(places["store"], f"peak-{clips}", clips, url)["peak"]
    finally:
        server.shutdown()
        server.server_close()
    disk, away = (statistics.median(took[name]) for name in ("disk", "store"))
    rate = CLIPS * MEGABYTES / away
    return [
        Figure(
            "downloads to an object store",
            away / disk,
            1.25,
            "× the time of those to the disk",
            f"{CLIPS} clips of {MEGABYTES} MB: {away:.1f} s ({rate:.0f} MB/s) and {disk:.1f} s, "
            f"the middle one of {ROUNDS}; throughput {disk / away:.2f} of the disk's",
        ),
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


def _clip(folder: Path) -> bytes:
    """A playable clip with a box that every reader skips."""
    data = write_clip(folder / "clip.mp4", faststart=True)
    size = (MEGABYTES << 20) - len(data)
    return data + size.to_bytes(4, "big") + b"free" + bytes(size - 8)


def _serve(body: bytes) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
