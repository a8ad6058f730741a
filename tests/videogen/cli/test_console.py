from __future__ import annotations

from io import StringIO

import pytest

from videogen.cli.console import print_result
from videogen.cli.workflow import TaskResult
from videogen.common.terminal import PlainConsole

NO_STORYBOARD = "The shot has no storyboard payload."


def row(scenelet, index, decision="generate", **values):
    given = {"status": None, "reason": "", "error": None, "video_file": None, "warnings": []}
    return {"scenelet_id": scenelet, "shot_index": index, "decision": decision, **given, **values}


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
        f"5 shots blocked {NO_STORYBOARD} (opening / 1-3, 5; harbour / 2)",
        "harbour / 1 skip exists",
    ]


def test_verbose_has_a_line_for_each_shot(told):
    rows = [row("opening", each, "blocked", reason=NO_STORYBOARD) for each in (1, 2)]

    assert told(rows, is_verbose=True)[:2] == [
        f"opening / 1 blocked {NO_STORYBOARD}",
        f"opening / 2 blocked {NO_STORYBOARD}",
    ]


def test_each_video_has_a_line_of_its_own(told):
    file = "the-lamp/shots/opening/shot-{}/take-1.mp4"
    rows = [row("opening", each, status="done", video_file=file.format(each)) for each in (1, 2)]

    assert told(rows)[:2] == [
        "opening / 1 done shot-1/take-1.mp4",
        "opening / 2 done shot-2/take-1.mp4",
    ]


def test_other_reasons_of_the_same_status_stay_apart(told):
    rows = [
        row("opening", 1, status="failed", error="Too long."),
        row("opening", 2, status="failed", error="Too short."),
        row("opening", 3, status="failed", error="Too long."),
        row("opening", 4, "rehearse", status="rehearsed"),
        row("opening", 5, "rehearse", status="rehearsed"),
    ]

    assert told(rows)[:3] == [
        "2 shots failed Too long. (opening / 1, 3)",
        "opening / 2 failed Too short.",
        "2 shots rehearsed opening / 4-5",
    ]


def test_many_scenelets_are_not_all_named(told):
    rows = [row(f"scene-{each}", 1, "skip", reason="exists") for each in range(10)]

    (line,) = told(rows)[:1]

    assert "scene-5 / 1; and 4 more scenelets, which --verbose lists" in line
    assert "scene-6" not in line
