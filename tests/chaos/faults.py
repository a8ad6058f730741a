"""Faults that nobody has told the product of: one shot each, all in one batch, with healthy shots
among them. The far end is stranger.py, which shares no code with the product."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.clips import write_clip
from tests.support.installations import Installation, write_story

from . import strange_answers as strange
from .batches import Expectation, compare, run_batch, shot_of
from .judging import Tally, renders_of, tracebacks
from .strange_answers import HTML, RUBBISH, clip, links_to, named, once, refuses, says
from .stranger import Answer, Exchange, Stranger

STORY = "stranger"
KEY = "a-key-of-the-stranger"

DONE = frozenset({"done"})
UNKNOWN = frozenset({"unknown"})
STUCK = frozenset({"not_downloaded"})
INTERRUPTED = frozenset({"interrupted"})
# Where the answer can be read either way: the clip is had, or a person is told of it.
HAD_OR_KEPT = frozenset({"done", "unknown", "interrupted", "not_downloaded"})


@dataclass(frozen=True)
class Fault:
    name: str
    at: str
    answer: Answer
    ends: frozenset[str]
    submissions: tuple[int, int] = (1, 1)
    by_api: bool = False


def _done_with(**response: object) -> Answer:
    return lambda exchange: exchange.answer(exchange.done(**response))


def _poll(body: str | bytes) -> Answer:
    return refuses(body)


def _ended(error: object) -> Answer:
    def answer(exchange: Exchange) -> None:
        body = {"name": exchange.name, "done": True, "error": error}
        exchange.answer(json.dumps(body))

    return answer


def _with_video(**more: object) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.answer(exchange.done(generatedSamples=[{"video": {"uri": exchange.uri}}], **more))

    return answer


def _not_done_with_video(exchange: Exchange) -> None:
    body = json.loads(exchange.finished())
    exchange.answer(json.dumps({**body, "done": exchange.nth > 3}))


def _twice_done(exchange: Exchange) -> None:
    """Done, and at the next question not any more."""
    if exchange.nth == 1:
        exchange.answer(f'{{"name": "{exchange.name}", "done": true, "done": false}}')
    else:
        exchange.default()


def _done_at_once(exchange: Exchange) -> None:
    exchange.accept()
    exchange.answer(exchange.finished())


def _clip(**options: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_clip(Path(folder) / "clip.mp4", **options)


def _submit_faults() -> list[Fault]:
    unknown = {
        "half a header": strange.half_a_header,
        "reset in the body": strange.reset_in_the_body,
        "body drips for minutes": strange.dripping_body,
        "header drips": strange.dripping_header,
        "chunks of no size": strange.bad_chunks,
        "gzip rubbish": says(RUBBISH, headers={"Content-Encoding": "gzip"}),
        "gzip bomb": strange.bomb,
        "60 MB of blanks": strange.blank_megabytes(60),
        "200,000 brackets": strange.nested,
        "name NaN": says('{"name": NaN}'),
        "name a number": named(12345),
        "name empty": named(""),
        "name null": named(None),
        "name a list": named(["models/x/operations/y"]),
        "name leads upwards": named(f"models/{'../' * 4}v1beta/files/x"),
        "name a URL": named("https://example.com/v1beta/models/x/operations/y"),
        "name with quotes and blanks": named("models/x/operations/a\" OR 'b' = 'b"),
        "name with NUL": named("models/x/operations/a\0b"),
        "name with a line break": named("models/x/operations/a\r\nX-Evil: b"),
        "name with half a character": says('{"name": "models/x/operations/\\ud800"}'),
        "name of 5,000 letters": named("models/x/operations/" + "n" * 5000),
        "a list": says("[]"),
        "a string": says('"models/x/operations/y"'),
        "UTF-16": says(json.dumps({"name": "models/x/operations/y"}).encode("utf-16")),
        "redirect to another host": strange.redirects(strange.to_the_other_host),
        "redirect 307 to itself": strange.redirects(
            lambda exchange: exchange.path, "307 Temporary Redirect"
        ),
        "204": says(b"", status="204 No Content"),
        "408": says("{}", status="408 Request Timeout"),
        "499 after it was accepted": says("{}", status="499 Client Closed Request"),
        "500 that says it is a 400": says(
            '{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}}',
            status="500 Internal Server Error",
        ),
        "200 that says it is a 429": says(
            '{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota"}}'
        ),
        "502 web page": says(HTML, status="502 Bad Gateway", content_type="text/html"),
    }
    absurd = '{"error": {"code": 503, "message": "busy", "details": [{"retryDelay": "%s"}]}}'
    other = [
        Fault("right, as text/plain", "submit", _as_text, DONE),
        Fault("right, compressed", "submit", strange.compressed, HAD_OR_KEPT),
        Fault("name twice, the last right", "submit", _name_twice, HAD_OR_KEPT),
        Fault("early hints first", "submit", strange.early_hints, DONE),
        Fault("done in the answer", "submit", _done_at_once, DONE),
        Fault("201", "submit", says(_right, status="201 Created"), HAD_OR_KEPT),
        Fault(
            "413 web page", "submit", refuses(HTML, status="413 Too Large"), frozenset({"failed"})
        ),
        Fault(
            "503, Retry-After: soon",
            "submit",
            once(refuses("{}", status="503 Busy", headers={"Retry-After": "soon"})),
            DONE,
            (2, 2),
        ),
        Fault(
            "503, retry in 10^300 s",
            "submit",
            once(refuses(absurd % ("9" * 300 + "s"), status="503 Busy")),
            DONE,
            (2, 2),
        ),
        Fault(
            "503 for ever",
            "submit",
            refuses("{}", status="503 Busy"),
            frozenset({"failed"}),
            (2, 9),
        ),
    ]
    return [Fault(name, "submit", each, UNKNOWN) for name, each in unknown.items()] + other


def _right(exchange: Exchange) -> str:
    return json.dumps({"name": exchange.name})


def _as_text(exchange: Exchange) -> None:
    exchange.accept()
    exchange.answer(_right(exchange), content_type="text/plain")


def _name_twice(exchange: Exchange) -> None:
    exchange.accept()
    exchange.answer(f'{{"name": "models/x/operations/no", "name": "{exchange.name}"}}')


def _poll_faults() -> list[Fault]:
    passing = {
        "half JSON, twice": once(_poll('{"name": "models'), 2),
        "web page, twice": once(refuses(HTML, content_type="text/html"), 2),
        "drips, once": once(strange.dripping_body),
        "header drips, once": once(strange.dripping_header),
        "reset in the body, once": once(strange.reset_in_the_body),
        "gzip rubbish, once": once(refuses(RUBBISH, headers={"Content-Encoding": "gzip"})),
        "gzip bomb, once": once(strange.bomb),
        "200,000 brackets, once": once(strange.nested),
        "NaN, once": once(_poll('{"name": NaN, "done": NaN}')),
        "a list, once": once(_poll("[1, 2]")),
        "done false at last (double key)": _twice_done,
        "video, but not done": _not_done_with_video,
        "401, once": once(refuses("{}", status="401 Unauthorized")),
        "404 twice": once(refuses("{}", status="404 Not Found"), 2),
        "redirect to another host, once": once(strange.redirects(strange.to_the_other_host)),
        "429, retry in 10^300 s": once(
            refuses("{}", status="429 Too Many", headers={"Retry-After": "9" * 300})
        ),
        "503, retry in a year": once(
            refuses("{}", status="503 Busy", headers={"Retry-After": "31536000"})
        ),
        "video and a filter count": _with_video(raiMediaFilteredCount=1),
    }
    long_reasons = ["Support codes: 58061214 " + "x\0" * 5000] * 100
    ends = [
        ("error is a string", _ended("it broke"), INTERRUPTED | {"failed"}),
        ("error code of 900 letters", _ended({"code": "c" * 900, "message": "m\0"}), {"failed"}),
        ("error of nothing", _ended({}), UNKNOWN | {"failed"}),
        ("error of deep details", _ended({"code": 13, "details": [[[]]] * 999}), {"failed"}),
        ("100 long reasons", _done_with(raiMediaFilteredReasons=long_reasons), {"blocked"}),
        ("filter count alone", _done_with(raiMediaFilteredCount=1), {"blocked"}),
        ("done with an empty response", _done_with(generatedSamples=[]), UNKNOWN),
        ("done with null samples", _done_with(generatedSamples=[None]), HAD_OR_KEPT),
        ("the video in the answer itself", strange.inline_video, HAD_OR_KEPT),
        ("a link that is a number", links_to(7), HAD_OR_KEPT - DONE),
        ("an empty link", links_to(""), UNKNOWN),
        ("a link to a file", links_to("file:///etc/passwd"), STUCK),
        ("a link of a script", links_to("javascript:alert(1)"), STUCK),
        ("a link over ftp", links_to("ftp://127.0.0.1/x.mp4"), STUCK),
        ("a link without a host", links_to("/v1beta/files/x:download"), STUCK),
        ("a link with NUL", links_to(lambda exchange: exchange.uri + "\0"), HAD_OR_KEPT),
        ("a link with a line break", links_to(lambda e: e.uri + "\r\nX: y"), HAD_OR_KEPT),
        ("a link of 20,000 letters", links_to(lambda e: e.uri + "&x=" + "y" * 20_000), HAD_OR_KEPT),
        ("a link to another host", links_to(strange.to_the_other_host), HAD_OR_KEPT),
        ("a link to a closed port", links_to("http://127.0.0.1:9/x.mp4"), STUCK),
        ("a link with a user", links_to(_with_user), HAD_OR_KEPT),
    ]
    return [Fault(name, "poll", each, DONE) for name, each in passing.items()] + [
        Fault(name, "poll", answer, frozenset(states), by_api=bool({"failed", "blocked"} & states))
        for name, answer, states in ends
    ]


def _with_user(exchange: Exchange) -> str:
    return strange.to_the_other_host(exchange).replace("//", f"//{KEY[:5]}:x@", 1)


def _download_faults() -> list[Fault]:
    passing = {
        "half with an ETag, then the rest": once(strange.half_with_etag('"one"')),
        "half with a weak ETag": once(strange.half_with_etag('W/"one"')),
        "the file changes in the middle": strange.changed_in_the_middle,
        "the length changes in the middle": strange.longer_than_the_first,
        "206 that nobody asked for": once(strange.partial(lambda size: size // 3)),
        "206 of several parts": once(strange.byteranges),
        "416, then right": once(refuses("", status="416 Range")),
        "announces too much, once": once(clip(lambda content: content[:-900] + b"")),
        "announces more than comes, once": once(_too_long),
        "announces too little, once": once(_too_short),
        "chunks": strange.whole_chunks,
        "chunks cut off, once": once(strange.cut_chunks),
        "drips, once": once(strange.dripping_body),
        "header drips, once": once(strange.dripping_header),
        "no HTTP, once": once(lambda exchange: exchange.raw(b"ICY 200 OK\r\n\r\n")),
        "a header of 300 kB, once": once(refuses("", headers={"X-Long": "x" * 300_000})),
        "reset, twice": once(strange.reset_in_the_body, 2),
        "web page, twice": once(refuses(HTML, content_type="text/html"), 2),
        "JSON error with 200, once": once(refuses('{"error": {"code": 500}}')),
        "503, retry in 10^300 s": once(
            refuses("", status="503 Busy", headers={"Retry-After": "9" * 300})
        ),
        "redirect to another host": strange.once_to_the_other_host,
        "early hints first": strange.early_hints,
        "junk behind the last box": clip(lambda content: content + b"\0\0\0\0"),
    }
    ends = [
        ("no byte", clip(lambda content: b""), STUCK),
        ("three bytes", clip(lambda content: content[:3]), STUCK),
        ("204", refuses("", status="204 No Content"), STUCK),
        ("302 to nowhere", refuses("", status="302 Found"), STUCK),
        ("two links in a circle", strange.two_urls_in_a_circle, STUCK),
        ("redirect to a file", strange.redirects(lambda e: "file:///etc/passwd"), STUCK),
        ("endless", strange.endless, STUCK),
        ("10 TB announced", clip(lambda content: content, length=10**13), STUCK),
        ("gzip rubbish", clip(lambda c: RUBBISH, headers={"Content-Encoding": "gzip"}), STUCK),
        ("cut in the index", clip(strange.cut_in_the_moov), STUCK),
        ("no index", clip(strange.without_moov), STUCK),
        ("a box without an end", clip(strange.box_without_end), STUCK),
        ("every frame broken", clip(strange.rubbish_in_the_middle), STUCK),
        ("audio only", clip(lambda content: _clip(with_picture=False)), STUCK),
        ("ranges of another file for ever", strange.partial(lambda size: 5), STUCK),
    ]
    return [Fault(name, "download", each, DONE) for name, each in passing.items()] + [
        Fault(name, "download", answer, states) for name, answer, states in ends
    ]


def _too_long(exchange: Exchange) -> None:
    content = exchange.server.clip_of(exchange.operation)
    exchange.answer(content, content_type="video/mp4", length=len(content) + 77)


def _too_short(exchange: Exchange) -> None:
    content = exchange.server.clip_of(exchange.operation)
    exchange.answer(content, content_type="video/mp4", length=len(content) // 2)


def all_faults() -> list[Fault]:
    return _submit_faults() + _poll_faults() + _download_faults()


def run(folder: Path, options: argparse.Namespace) -> list[Tally]:
    faults = [each for each in all_faults() if options.only in f"{each.at}: {each.name}"]
    healthy = 4
    stranger = Stranger(
        {str(number): {each.at: each.answer} for number, each in enumerate(faults)},
        _clip(faststart=True),
        KEY,
    )
    installation = Installation(
        folder / "installation",
        GEMINI_API_KEY=KEY,
        GOOGLE_GEMINI_BASE_URL=stranger.url,
        VIDEO_SUBMIT_TIMEOUT_SECONDS="3",
        VIDEO_POLL_TIMEOUT_SECONDS="3",
        VIDEO_DOWNLOAD_TIMEOUT_SECONDS="3",
        VIDEO_DOWNLOAD_DEADLINE_MINUTES="0.1",
        VIDEO_DOWNLOAD_MAX_MEGABYTES="20",
        VIDEO_OPERATION_DEADLINE_MINUTES="1",
        VIDEO_WORKERS="3",
    )
    try:
        installation.manage("migrate")
        shots = len(faults) + healthy
        installation.manage("import_story", str(write_story(folder, STORY, shots)))
        cluster = installation.start("work")
        seconds = run_batch(installation, STORY, 240)
        tallies = _judge(installation, stranger, faults, healthy, seconds)
        if cluster.poll() is not None:
            tallies[-1].wrong.append(f"the cluster has ended with {cluster.returncode}")
        if strange_ones := tracebacks(installation):
            tallies[-1].tracebacks = len(strange_ones)
            tallies[-1].wrong += strange_ones[:10]
        tallies[-1].wrong += stranger.violations[:10]
        if _is_in_log(installation, KEY):
            tallies[-1].wrong.append("the key is in a log")
    finally:
        installation.close()
        stranger.stop()
    return tallies


def _judge(
    installation: Installation,
    stranger: Stranger,
    faults: list[Fault],
    healthy: int,
    seconds: float,
) -> list[Tally]:
    renders = renders_of(installation, STORY)
    expected = [
        Expectation(
            f"{each.at}: {each.name}", each.ends, each.submissions, ended_by_api=each.by_api
        )
        for each in faults
    ]
    expected += [Expectation("a healthy shot among them", DONE, is_charged=True)] * healthy
    return [
        compare(
            installation,
            each,
            [render for render in renders if render.shot == shot_of(number)],
            stranger.accepted,
            stranger.submitted,
            seconds / len(expected),
        )
        for number, each in enumerate(expected)
    ]


def _is_in_log(installation: Installation, text: str) -> bool:
    return any(text in log.read_text(errors="replace") for log in installation.folder.glob("*.log"))
