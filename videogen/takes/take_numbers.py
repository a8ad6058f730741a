"""The number of a take within its shot, and the columns of a render that describe its file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Max, Value, When

from storybook.media_store import media
from videogen.common.errors import DownloadError
from videogen.models import VideoRender
from videogen.models.render_warnings import RenderWarning, WarningCode

from .storage import take_path
from .video_file import VideoFacts

NUMBER_TRIES = 20
_LINES = {"720p": 720, "1080p": 1080, "4k": 2160}
# The simulator's quick clips are small on purpose, whatever was asked for.
_STAND_IN = (320, 180)


def file_fields(path: Path, facts: VideoFacts) -> dict[str, Any]:
    """Return the columns that describe the video of this name among the media, and its poster."""
    return {
        "video_file": str(path),
        "poster_file": str(path.with_suffix(".jpg")),
        "container": facts.container,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec,
        "width": facts.width,
        "height": facts.height,
        "video_seconds": facts.seconds,
        "fps": facts.fps,
        "has_audio": facts.has_audio,
        "byte_size": facts.byte_size,
        "sha256": facts.sha256,
    }


def surprises(render: VideoRender, facts: VideoFacts) -> list[RenderWarning]:
    """Return warnings about how the video differs from the request, and from what every browser
    plays. It was paid for, so it becomes a take nevertheless."""
    warnings = []
    is_asked_for = render.kind == VideoRender.Kind.GENERATION
    if is_asked_for and abs(facts.seconds - render.duration_seconds) > 0.5:
        params = {"seconds": facts.seconds, "asked": render.duration_seconds}
        warnings.append(RenderWarning(WarningCode.OTHER_LENGTH, params))
    asked = asked_size(render.resolution, render.aspect_ratio)
    size = (facts.width, facts.height)
    if is_asked_for and asked and size != asked and not is_stand_in(render, size):
        words = ("width", "height", "asked_width", "asked_height")
        params = dict(zip(words, (*size, *asked), strict=True))
        warnings.append(RenderWarning(WarningCode.OTHER_SIZE, params))
    if not facts.has_audio:
        warnings.append(RenderWarning(WarningCode.NO_SOUND))
    for codec in facts.unknown_codecs:
        warnings.append(RenderWarning(WarningCode.UNKNOWN_SOUND, {"codec": codec}))
    if facts.uncommon_format:
        warnings.append(RenderWarning(WarningCode.UNCOMMON_CODEC, {"codec": facts.uncommon_format}))
    return warnings


def is_stand_in(render: VideoRender, size: tuple[int, int]) -> bool:
    """Whether the video is a quick clip of the simulator's: all of them show the same picture."""
    return render.is_simulated and size == _STAND_IN


def asked_size(resolution: str, aspect_ratio: str) -> tuple[int, int] | None:
    """Return width and height of a video as it was asked for; None if they are not known."""
    sides = aspect_ratio.split(":")
    if resolution not in _LINES or len(sides) != 2 or not all(each.isdecimal() for each in sides):
        return None
    wide, high = map(int, sides)
    if not wide or not high:
        return None
    # The lines are those of the shorter side.
    lines = _LINES[resolution]
    longer = round(lines * max(wide, high) / min(wide, high))
    return (longer, lines) if wide >= high else (lines, longer)


def number_take(render: VideoRender) -> int:
    """Give the render the next number of its shot, if it has none, and return it. Raises
    DownloadError if other processes are always faster."""
    if render.take:
        return render.take
    for _ in range(NUMBER_TRIES):
        if not try_number(render, next_take(render)):
            render.refresh_from_db(fields=["take"])
        if render.take:
            return render.take
    raise no_number()


def try_numbers(takes: Mapping[VideoRender, int]) -> None:
    """Give these renders their numbers, all at once if no other one of their shots was faster.
    `take` is set in those that have got theirs."""
    if not takes:
        return
    numbers = Case(*(When(pk=render.pk, then=Value(take)) for render, take in takes.items()))
    try:
        with transaction.atomic():
            rows = VideoRender.objects.filter(pk__in=[each.pk for each in takes], take=None)
            won = rows.transition(take=numbers)
    except IntegrityError:
        won = 0
    for render, take in takes.items():
        if won == len(takes):
            render.take = take
        elif len(takes) > 1:
            try_number(render, take)


def try_number(render: VideoRender, take: int) -> bool:
    """Give the render this number. Return False if it has one, or if another one of the shot was
    faster."""
    try:
        with transaction.atomic():
            won = VideoRender.objects.filter(pk=render.pk, take=None).transition(take=take)
    except IntegrityError:
        return False
    if won:
        render.take = take
    return bool(won)


def next_take(render: VideoRender, *, skips_files: bool = True) -> int:
    """Return the number of the shot's next take; somebody may be faster. Numbers whose file exists
    are skipped, because even a file that no row knows is somebody's clip."""
    take = last_takes({render.shot_id}).get(render.shot_id, 0) + 1
    return free_take(render, take) if skips_files else take


def last_takes(shots: Collection[int]) -> dict[int, int]:
    """Return the highest number that a take has, by the primary keys of the shots that have one."""
    numbered = VideoRender.objects.filter(shot__in=shots).exclude(take=None)
    return dict(numbered.order_by().values_list("shot").annotate(last=Max("take")))


def free_take(render: VideoRender, take: int) -> int:
    """Return the first number from `take` on whose file does not exist."""
    while media.exists(str(take_path(render, take))):
        take += 1
    return take


def no_number() -> DownloadError:
    return DownloadError("The take could not be given a number.", code="take_number")
