"""Checks the takes of a story, or of all, for a command, and tells of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from storybook.models import Story
from videogen.models import TakeCheck, TakeFinding, VideoRender
from videogen.takes.check_thresholds import VERSION
from videogen.takes.check_worker import all_takes, check_take

LOOK_SECONDS = 0.5


def check_all(story: Story | None) -> Iterator[tuple[VideoRender, TakeCheck]]:
    """Check the takes that were not, or could not be, and yield each take with its check. What a
    later take changes of an earlier one is told, too: all of a shot are checked before the first
    is yielded."""
    takes = all_takes()
    if story is not None:
        takes = takes.filter(shot__scenelet__story=story)
    of_shot: list[VideoRender] = []
    for render in takes.iterator(chunk_size=200):
        if of_shot and of_shot[0].shot_id != render.shot_id:
            yield from _checked(of_shot)
            of_shot = []
        of_shot.append(render)
    yield from _checked(of_shot)


def _checked(renders: list[VideoRender]) -> Iterator[tuple[VideoRender, TakeCheck]]:
    for render in renders:
        check = getattr(render, "technical_check", None)
        if check is None or check.version != VERSION or check.result in _TRY_AGAIN:
            while check_take(render) is None and not _is_done(render):
                # Another process is at it.
                time.sleep(LOOK_SECONDS)
    checks = (
        TakeCheck.objects.filter(render__in=renders)
        .defer("signature")
        .in_bulk([render.pk for render in renders], field_name="render_id")
    )
    for render in renders:
        yield render, checks[render.pk]


_TRY_AGAIN = ("", TakeCheck.Result.NOT_CHECKED)


def _is_done(render: VideoRender) -> bool:
    return TakeCheck.objects.filter(render=render, version=VERSION).exclude(result="").exists()


def check_record(render: VideoRender, check: TakeCheck) -> dict[str, Any]:
    """Return the object that the command prints for a take with --json."""
    return {
        "render_id": render.pk,
        "code": render.shot.code,
        "take": render.take,
        "result": check.result,
        "findings": [_finding_record(each) for each in check.told],
    }


def _finding_record(finding: TakeFinding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "at_seconds": finding.at_seconds,
        "seconds": finding.seconds,
        "message": finding.sentence,
    }


def check_line(render: VideoRender, check: TakeCheck) -> list[str]:
    """Return what a person reads about a take: a line, and one for each finding."""
    story = render.shot.scenelet.story.story_id
    result = TakeCheck.Result(check.result).label
    lines = [f"{story} {render.shot.code}, take {render.take}: {result}"]
    for each in check.told:
        at = f"{each.clock}  " if each.has_time else ""
        lines.append(f"  {at}{each.sentence}")
    return lines
