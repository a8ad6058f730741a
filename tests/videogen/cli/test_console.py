from __future__ import annotations

from io import StringIO

import pytest

from storybook.models import shot_code
from videogen.cli.console import print_result
from videogen.cli.workflow import TaskResult
from videogen.common.terminal import PlainConsole

PLACES = {"opening": 1, "harbour": 2}
NO_STORYBOARD = "The shot has no storyboard payload."


def row(scenelet, index, decision="generate", **values):
    given = {"status": None, "reason": "", "error": None, "video_file": None, "warnings": []}
    place = PLACES[scenelet] if scenelet in PLACES else int(scenelet.removeprefix("scene-"))
    shot = {"scenelet_id": scenelet, "shot_index": index, "code": shot_code(place, index)}
    return {**shot, "decision": decision, **given, **values}


@pytest.fixture
def told():
    """The lines of a result on a narrow terminal, without its end."""

    def told(rows, **options):
        summary = dict.fromkeys(("generated", "rehearsed", "skipped", "blocked", "failed"), 0)
        summary |= {"targeted": len(rows), "estimated_cost_usd": "0.00"}
        out = StringIO()
        console = PlainConsole(file=out, width=40, highlight=False, soft_wrap=True)
        print_result(console, TaskResult(rows, summary, 0, True), **options)
        return [" ".join(line.split()) for line in out.getvalue().splitlines()]

    return told


def test_shots_of_which_the_same_is_said_share_a_line(told):
    rows = [
        *(row("opening", each, "blocked", reason=NO_STORYBOARD) for each in (1, 2, 3, 5)),
        row("harbour", 1, "skip", reason="exists"),
        row("harbour", 2, "blocked", reason=NO_STORYBOARD),
    ]

    assert told(rows)[:2] == [
        f"5 shots blocked {NO_STORYBOARD} (S01-01 to S01-03, S01-05; S02-02)",
        "S02-01 harbour skip exists",
    ]


def test_takes_of_one_shot_are_no_shots(told):
    rows = [
        *[row("opening", 1, "generate", status="queued")] * 2,
        *[row("harbour", 1, "blocked", reason=NO_STORYBOARD)] * 2,
        *[row("harbour", 2, "blocked", reason=NO_STORYBOARD)] * 2,
    ]

    assert told(rows)[:2] == [
        "S01-01 opening, 2 takes queued",
        f"2 shots, 4 takes blocked {NO_STORYBOARD} (S02-01 to S02-02)",
    ]


def test_verbose_has_a_line_for_each_shot(told):
    rows = [row("opening", each, "blocked", reason=NO_STORYBOARD) for each in (1, 2)]

    assert told(rows, is_verbose=True)[:2] == [
        f"S01-01 opening blocked {NO_STORYBOARD}",
        f"S01-02 opening blocked {NO_STORYBOARD}",
    ]


def test_each_video_has_a_line_of_its_own(told):
    file = "the-lamp/shots/opening/shot-{}/take-1.mp4"
    rows = [row("opening", each, status="done", video_file=file.format(each)) for each in (1, 2)]

    assert told(rows)[:2] == [
        "S01-01 opening done shot-1/take-1.mp4",
        "S01-02 opening done shot-2/take-1.mp4",
    ]


def test_where_the_videos_are_is_told_without_a_folder_of_the_server(told, settings):
    file = "the-lamp/shots/opening/shot-1/take-1.mp4"

    lines = told([row("opening", 1, status="done", video_file=file)])

    assert "Videos are in MEDIA_ROOT, below the-lamp/shots/opening" in lines
    assert not any(settings.MEDIA_ROOT in line for line in lines)


def test_other_reasons_of_the_same_status_stay_apart(told):
    rows = [
        row("opening", 1, status="failed", error="Too long."),
        row("opening", 2, status="failed", error="Too short."),
        row("opening", 3, status="failed", error="Too long."),
        row("opening", 4, "rehearse", status="rehearsed"),
        row("opening", 5, "rehearse", status="rehearsed"),
    ]

    assert told(rows)[:3] == [
        "2 shots failed Too long. (S01-01, S01-03)",
        "S01-02 opening failed Too short.",
        "2 shots rehearsed S01-04 to S01-05",
    ]


def test_many_scenelets_are_not_all_named(told):
    rows = [row(f"scene-{each}", 1, "skip", reason="exists") for each in range(1, 11)]

    (line,) = told(rows)[:1]

    assert "S06-01; and 4 more scenelets, which --verbose lists" in line
    assert "S07" not in line
