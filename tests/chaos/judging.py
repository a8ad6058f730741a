"""What became of everything that the API accepted: its own record against rows and files.

A scenario's `Tally` has the counts that are printed; those in `MUST_BE_ZERO` decide the exit code.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av

from tests.support.installations import Installation
from videogen.common.errors import VideoFileError
from videogen.takes.video_file import inspect_video

OPEN = {"queued", "submitting", "running", "downloading"}
# A person finds these on the dashboard, with what is known: nothing that was paid is forgotten.
KEPT = {"unknown", "interrupted", "not_downloaded"}
_MAY_COST = {"accepted", "unknown", "claimed"}
HEADER = re.compile(r"^(?P<before>.*)Traceback \(most recent call last\):\n", re.MULTILINE)
MUST_BE_ZERO = ("twice", "lost", "left_open", "unexplained", "tracebacks", "wrong")


@dataclass(frozen=True)
class Render:
    pk: int
    shot: str
    state: str
    prompt_sha256: str
    operation: str
    take: int | None
    video_file: str
    sha256: str
    error_code: str
    sentence: str
    submissions: tuple[str, ...]

    @property
    def is_charged(self) -> bool:
        """Whether the books count it as (maybe) paid."""
        return bool(_MAY_COST & set(self.submissions))

    @property
    def may_be_paid_twice(self) -> bool:
        """Whether more than one of its calls may cost something."""
        return sum(outcome in _MAY_COST for outcome in self.submissions) > 1


@dataclass
class Tally:
    """`wrong`: what ended otherwise than expected, a sentence each."""

    scenario: str
    rounds: int = 1
    accepted: int = 0
    playing: int = 0
    unknown: int = 0
    twice: int = 0
    lost: int = 0
    left_open: int = 0
    not_done: int = 0
    unexplained: int = 0
    tracebacks: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    note: str = ""
    skipped: str = ""

    def __add__(self, other: Tally) -> Tally:
        numbers = {
            name: getattr(self, name) + getattr(other, name)
            for name, value in vars(self).items()
            if isinstance(value, int | float)
        }
        return Tally(self.scenario, **numbers, wrong=self.wrong + other.wrong, note=self.note)

    @property
    def is_ok(self) -> bool:
        return not any(getattr(self, name) for name in MUST_BE_ZERO)


def renders_of(installation: Installation, story: str = "", scenelet: str = "") -> list[Render]:
    """The generations of a story (all where "") or of one of its scenelets."""
    rows = installation.query(
        "SELECT r.id, c.scenelet_id, s.shot_index, r.state, r.prompt_text, r.operation_name,"
        " r.take, r.video_file, r.sha256, r.error_code, r.error_message,"
        " r.not_before, l.pause_reason, l.wait_reason"
        " FROM videogen_videorender r JOIN storybook_shot s ON s.id = r.shot_id"
        " JOIN storybook_scenelet c ON c.id = s.scenelet_id"
        " JOIN storybook_story t ON t.id = c.story_id"
        " JOIN videogen_lane l ON l.id = r.lane_id"
        " WHERE r.kind = 'generation' AND ? IN ('', t.story_id) AND ? IN ('', c.scenelet_id)"
        " ORDER BY r.id",
        story,
        scenelet,
    )
    submissions: dict[int, list[str]] = {}
    for pk, outcome in installation.query(
        "SELECT render_id, outcome FROM videogen_submission ORDER BY claimed_at"
    ):
        submissions.setdefault(pk, []).append(outcome)
    return [
        Render(
            pk=row[0],
            shot=f"{row[1]}/{row[2]}",
            state=row[3],
            prompt_sha256=hashlib.sha256(row[4].encode()).hexdigest(),
            operation=row[5],
            take=row[6],
            video_file=row[7],
            sha256=row[8],
            error_code=row[9],
            # What waits is explained by its lane.
            sentence=row[10] or (row[12] or row[13] if row[3] == "queued" else ""),
            submissions=tuple(submissions.get(row[0], ())),
        )
        for row in rows
    ]


def plays(installation: Installation, render: Render) -> bool:
    """The take is on the disk, is what the row says, and pictures come out of it."""
    path = Path(installation.media) / render.video_file
    try:
        if inspect_video(path).sha256 != render.sha256:
            return False
        with av.open(str(path)) as container:
            return next(container.decode(container.streams.video[0]), None) is not None
    except (OSError, VideoFileError, av.FFmpegError):
        return False


def judge(
    scenario: str,
    installation: Installation,
    renders: Iterable[Render],
    accepted: Mapping[str, str],
    *,
    ended_by_api: Collection[str] = (),
    may_be_open: bool = False,
    takes_per_shot: int = 1,
) -> Tally:
    """accepted: the prompt's SHA-256 by operation name, from the API's own record.
    ended_by_api: operations that the API ended without a video: there is none to be lost.
    takes_per_shot: how many renders were asked for with one prompt."""
    renders = list(renders)
    prompts = {render.prompt_sha256 for render in renders}
    mine = {name: prompt for name, prompt in accepted.items() if prompt in prompts}
    done = [render for render in renders if render.state == "done"]
    playing = [render for render in done if plays(installation, render)]
    playing_by_name = {render.operation for render in playing}
    kept_by_name = {render.operation for render in renders if render.state in KEPT | OPEN}
    known = playing_by_name | kept_by_name | set(ended_by_api)
    # The operation's name never came: the video was found in our bucket, or a person decides. Each
    # such render accounts for one operation.
    nameless = Counter(
        render.prompt_sha256
        for render in (*playing, *(each for each in renders if each.state == "unknown"))
        if render.operation not in mine
    )
    missing = Counter(prompt for name, prompt in mine.items() if name not in known) - nameless
    others = [render for render in renders if render.state != "done"]
    # Of several takes with one prompt, the API's record does not tell which was sent twice.
    sent_twice = sum(render.may_be_paid_twice for render in renders) if takes_per_shot > 1 else 0
    return Tally(
        scenario,
        accepted=len(mine),
        playing=len(playing),
        unknown=sum(render.state == "unknown" for render in renders),
        twice=sum(count > takes_per_shot for count in Counter(mine.values()).values()) + sent_twice,
        lost=missing.total() + len(done) - len(playing),
        left_open=0 if may_be_open else sum(render.state in OPEN for render in renders),
        not_done=len(others),
        unexplained=sum(not render.sentence.strip() for render in others),
    )


def accepted_by(installation: Installation) -> dict[str, str]:
    """What the simulator accepted: the prompt's SHA-256 by operation name."""
    return {
        each["operation"]: each["prompt_sha256"]
        for each in installation.simulator_log()["submissions"]
        if each.get("operation")
    }


def tracebacks(installation: Installation, *, expected: str = "") -> list[str]:
    """The last lines of all tracebacks in the logs, without those that match `expected`."""
    found = []
    for log in sorted(installation.folder.glob("*.log")):
        # Our own lines hold a whole traceback each.
        text = log.read_text(errors="replace").replace("\\n", "\n")
        for header in HEADER.finditer(text):
            # Python's own tracebacks are indented where the library logs them that way.
            indent = header["before"] if header["before"].isspace() else ""
            lines = text[header.end() :].splitlines()
            last = next((line for line in lines if not line.startswith(f"{indent} ")), "?").strip()
            if not expected or not re.search(expected, last):
                found.append(f"{log.name}: {last[:200]}")
    return found
