"""A story's takes as a folder for editors: clips with speaking names, a manifest, a table,
captions, prompts, and a timeline for each path."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.conf import settings

from storybook.captions import SpokenLine, cues, spoken_lines, subrip, webvtt
from storybook.media_store import media
from storybook.models import Shot, Story
from storybook.story_paths import StoryPath, find_paths
from videogen.catalog.options import extras_of
from videogen.common.csv_export import csv_lines
from videogen.common.errors import VideoFileError
from videogen.films.film_requests import is_there
from videogen.models import Film, GuestNote, TakeNote, VideoRender
from videogen.models.take_notes import DEFAULT_FPS, timecode_of
from videogen.takes.chosen_takes import TakeRule, find_chosen_takes
from videogen.takes.video_file import picture_seconds

from .files import OutFile
from .names import portable_name, unique_names
from .timelines import TimelineNote, TimelineShot, make_timeline

FORMAT = "videogen-export/1"
NO_TAKE = "no_take"
FILE_MISSING = "file_missing"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class ExportedShot:
    """A shot, and the take and the name of its clip; without a take, `reason` says why.

    seconds: how long the picture lasts. The sound of a clip may be a little longer.
    """

    shot: Shot
    lines: list[SpokenLine]
    seconds: float
    take: VideoRender | None = None
    file: str = ""
    reason: str = ""


@dataclass(frozen=True)
class StoryExport:
    """What is exported, all read from the database. The clips stay where they are until they are
    written, and each is looked at when its turn comes: the first byte waits for one of them.

    takes: by the primary keys of their shots. films: by those of their endings. notes: by those of
    their takes, each with its replies; guest_notes: the same of people without an account.
    """

    story: Story
    rule: TakeRule
    paths: list[StoryPath]
    chosen: list[Shot]
    takes: dict[int, VideoRender]
    films: dict[int, Film] = field(default_factory=dict)
    notes: dict[int, list[TakeNote]] = field(default_factory=dict)
    guest_notes: dict[int, list[GuestNote]] = field(default_factory=dict)

    @property
    def shots(self) -> list[ExportedShot]:
        """All shots. Looks at the clips at which nobody has looked yet."""
        return [self._exported(shot) for shot in self.chosen]

    @property
    def folder(self) -> str:
        return portable_name(self.story.story_id)

    def manifest(self) -> dict[str, Any]:
        """Return the content of manifest.json."""
        return {
            "format": FORMAT,
            "story": {"story_id": self.story.story_id, "title": self.story.title},
            "takes": self.rule.value,
            "clips": [_clip(each) for each in self.shots if each.take],
            "paths": [self._path(path) for path in self.paths],
            "missing": [
                {
                    "code": each.shot.code,
                    "scenelet_id": each.shot.scenelet.scenelet_id,
                    "shot_index": each.shot.shot_index,
                    "reason": each.reason,
                }
                for each in self.shots
                if not each.take
            ],
        }

    def files(self) -> Iterator[OutFile]:
        """Yield all files. Makes a query for each prompt."""
        for shot in self.chosen:
            yield from self._files_of_shot(self._exported(shot))
        yield self._file("manifest.json", _json(self.manifest()))
        yield self._file("shots.csv", "".join(csv_lines(*_table(self.shots))))
        if self.notes or self.guest_notes:
            yield self._file("notes.csv", "".join(csv_lines(*self._notes_table())))
        for path in self.paths:
            timeline = make_timeline(path.title, self._timeline_shots(path))
            name = self._ending_names[path.ending.scenelet_id]
            yield self._file(f"timelines/{name}.otio", timeline.otio)
            yield self._file(f"timelines/{name}.edl", timeline.edl)
            if film := self.films.get(path.ending.pk):
                yield OutFile(f"{self.folder}/films/{name}.mp4", source=film.file)

    def _files_of_shot(self, each: ExportedShot) -> Iterator[OutFile]:
        code = each.shot.code
        if each.take:
            yield OutFile(f"{self.folder}/{each.file}", source=each.take.video_file)
        if each.lines:
            shown = cues(each.lines, each.seconds)
            yield self._file(f"captions/{code}.vtt", webvtt(shown))
            yield self._file(f"captions/{code}.srt", subrip(shown))
        if each.take and each.take.kind == VideoRender.Kind.GENERATION:
            yield self._file(f"prompts/{code}.json", _json(_request(each.take.pk)))

    def _file(self, name: str, text: str) -> OutFile:
        return OutFile(f"{self.folder}/{name}", text.encode())

    def _exported(self, shot: Shot) -> ExportedShot:
        if shot.pk not in self._looked_at:
            self._looked_at[shot.pk] = _look_at(shot, self.takes.get(shot.pk))
        return self._looked_at[shot.pk]

    @cached_property
    def _looked_at(self) -> dict[int, ExportedShot]:
        return {}

    @cached_property
    def _ending_names(self) -> dict[str, str]:
        return unique_names(path.ending.scenelet_id for path in self.paths)

    def _shots_on(self, path: StoryPath) -> list[ExportedShot]:
        order = {each.pk: place for place, each in enumerate(path.scenelets)}
        found = [each for each in self.chosen if each.scenelet_id in order]
        found.sort(key=lambda each: (order[each.scenelet_id], each.shot_index))
        return [self._exported(each) for each in found]

    def _timeline_shots(self, path: StoryPath) -> list[TimelineShot]:
        return [
            TimelineShot(
                each.shot.code,
                str(each.shot.scenelet),
                each.file,
                each.seconds,
                (each.take.fps or 0.0) if each.take else 0.0,
                self._open_notes(each.take),
            )
            for each in self._shots_on(path)
        ]

    def _open_notes(self, take: VideoRender | None) -> tuple[TimelineNote, ...]:
        """The team's open notes, and all of guests: nobody settles those. What a guest says is told
        from what the team says by the name that stands before it."""
        if take is None:
            return ()
        own = [
            TimelineNote(note.frame or 0, note.text, note.author_name, _area(note))
            for note in self.notes.get(take.pk, [])
            if note.is_open
        ]
        guests = [
            TimelineNote(_frame(note, take), f"{_guest(note)}: {note.text}", _guest(note))
            for note in self.guest_notes.get(take.pk, [])
        ]
        return (*own, *guests)

    def _notes_table(self) -> tuple[list[str], Iterator[list[object]]]:
        """All notes on the takes that are exported, the settled ones too, each before its replies.
        Those of guests come after the team's."""
        header = [
            "code",
            "take",
            "time",
            "frame",
            "seconds",
            "status",
            "author",
            "written",
            "note",
            *("x", "y", "width", "height"),
        ]
        return header, self._note_rows()

    def _note_rows(self) -> Iterator[list[object]]:
        for shot in self.shots:
            for note in self.notes.get(shot.take.pk if shot.take else 0, []):
                place: list[object] = [shot.shot.code, note.render.take, note.timecode, note.frame]
                place.append(round(note.seconds, 3))
                for each in (note, *note.replies.all()):
                    status = "reply" if each.parent_id else "open" if note.is_open else "done"
                    area = [each.x, each.y, each.width, each.height]
                    said = [each.author_name, _utc(each.created_at), each.text]
                    yield [*place, status, *said, *area]
            if shot.take:
                yield from self._guest_rows(shot.shot, shot.take)

    def _guest_rows(self, shot: Shot, take: VideoRender) -> Iterator[list[object]]:
        for note in self.guest_notes.get(take.pk, []):
            place: list[object] = ["", "", ""]
            if note.seconds is not None:
                frame = _frame(note, take)
                place = [timecode_of(frame, take.fps), frame, round(note.seconds, 3)]
            said = [_guest(note), _utc(note.made_at), note.text]
            yield [shot.code, take.take, *place, "guest", *said, "", "", "", ""]

    def _path(self, path: StoryPath) -> dict[str, Any]:
        shots = self._shots_on(path)
        name = self._ending_names[path.ending.scenelet_id]
        return {
            "ending": path.ending.scenelet_id,
            "title": path.title,
            "scenelets": [each.scenelet_id for each in path.scenelets],
            "otio": f"timelines/{name}.otio",
            "edl": f"timelines/{name}.edl",
            "seconds": round(sum(each.seconds for each in shots), 3),
            "missing": [each.shot.code for each in shots if not each.take],
        }


def plan_export(
    story: Story,
    rule: TakeRule = TakeRule.BEST,
    endings: Collection[str] = (),
    *,
    with_films: bool = False,
    shots: Collection[int] | None = None,
) -> StoryExport:
    """Read what is exported. Without endings: all paths, and every shot, also one that is on no
    path. shots: primary keys; only these shots, and no timelines. Raises PathError."""
    paths = [] if shots is not None else find_paths(story, endings)
    rows = Shot.objects.filter(scenelet__story=story).select_related("scenelet")
    # A shot that was selected is exported, even if the story's bundle does not have it any more.
    rows = rows.filter(gone_since=None) if shots is None else rows.filter(pk__in=shots)
    if endings and shots is None:
        rows = rows.filter(scenelet__in={each.pk for path in paths for each in path.scenelets})
    chosen = list(rows.order_by("scenelet__place", "shot_index"))
    takes = find_chosen_takes(chosen, rule)
    films: dict[int, Film] = {}
    if with_films:
        made = Film.objects.filter(story=story, takes=rule.value).exclude(file="").order_by("pk")
        films = {film.ending_id: film for film in made.defer("manifest") if is_there(film)}
    notes: dict[int, list[TakeNote]] = {}
    found = TakeNote.objects.notes().filter(render__in=[take.pk for take in takes.values()])
    for note in found.select_related("render").prefetch_related("replies"):
        notes.setdefault(note.render_id, []).append(note)
    guest_notes: dict[int, list[GuestNote]] = {}
    for said in GuestNote.objects.filter(render__in=[take.pk for take in takes.values()]):
        guest_notes.setdefault(said.render_id or 0, []).append(said)
    return StoryExport(story, rule, paths, chosen, takes, films, notes, guest_notes)


def _guest(note: GuestNote) -> str:
    return f"{note.name} (a guest)" if note.name else "a guest"


def _frame(note: GuestNote, take: VideoRender) -> int:
    """The frame of the take that the guest meant; a note about the whole clip stands at its
    beginning."""
    return int((note.seconds or 0) * (take.fps or DEFAULT_FPS))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _area(note: TakeNote) -> tuple[float, ...]:
    fractions = (note.x, note.y, note.width, note.height)
    return tuple(each for each in fractions if each is not None)


def _look_at(shot: Shot, take: VideoRender | None) -> ExportedShot:
    lines = spoken_lines(shot.storyboard_payload)
    still = float(settings.VIDEO_STILL_SECONDS)
    if take is None:
        return ExportedShot(shot, lines, still, reason=NO_TAKE)
    try:
        with media.open(take.video_file) as file:
            seconds = picture_seconds(file)
    except (FileNotFoundError, IsADirectoryError):
        return ExportedShot(shot, lines, still, reason=FILE_MISSING)
    except VideoFileError:
        return ExportedShot(shot, lines, still, reason=UNREADABLE)
    scenelet = portable_name(shot.scenelet.scenelet_id)
    name = f"clips/{shot.code}_{scenelet}_take-{take.take}.mp4"
    return ExportedShot(shot, lines, seconds, take, name)


def _clip(each: ExportedShot) -> dict[str, Any]:
    take = each.take
    if take is None:
        raise ValueError("A shot without a take has no clip.")
    return {
        "code": each.shot.code,
        "scenelet_id": each.shot.scenelet.scenelet_id,
        "shot_index": each.shot.shot_index,
        "take": take.take,
        "review": take.review,
        "file": each.file,
        "bytes": take.byte_size,
        "sha256": take.sha256,
        "seconds": round(each.seconds, 3),
        "width": take.width,
        "height": take.height,
        "fps": take.fps,
        "model": take.model,
        "is_simulated": take.is_simulated,
    }


def _table(shots: Collection[ExportedShot]) -> tuple[list[str], Iterator[list[object]]]:
    header = ["code", "scenelet", "title", "shot", "take", "review", "file", "seconds", "lines"]
    rows: Iterator[list[object]] = (
        [
            each.shot.code,
            each.shot.scenelet.scenelet_id,
            each.shot.scenelet.title,
            each.shot.shot_index,
            each.take.take if each.take else None,
            each.take.review if each.take else each.reason,
            each.file,
            round(each.seconds, 3) if each.take else None,
            " / ".join(line.text for line in each.lines),
        ]
        for each in shots
    )
    return header, rows


def _request(pk: int) -> dict[str, Any]:
    """Return the exact request of a take, without its links."""
    render = VideoRender.objects.only(
        "model",
        "aspect_ratio",
        "resolution",
        "duration_seconds",
        "reference_type",
        "seed",
        "negative_prompt",
        "person_generation",
        "prompt_profile",
        "prompt_text",
        "references",
    ).get(pk=pk)
    return {
        "model": render.model,
        "aspect_ratio": render.aspect_ratio,
        "resolution": render.resolution,
        "duration_seconds": render.duration_seconds,
        "reference_type": render.reference_type,
        **extras_of(render),
        "prompt": render.prompt_text,
        "references": [
            {name: pick[name] for name in ("kind", "id", "mime_type", "sha256") if name in pick}
            for pick in render.references
        ],
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
