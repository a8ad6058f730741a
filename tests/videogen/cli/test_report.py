from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.factories import State, force, make_render, make_story, shots_of
from videogen.cli.report import RunCost, next_commands, outcomes_in_words, summarise
from videogen.models import VideoRender
from videogen.planning.plan import plan_shots

PRICE = Decimal("3.20")


def resumed_as(state):
    """The cost of a run that resumed a paid render which had that state before and is done now."""
    story = make_story()
    cause = make_render(
        shots_of(story).get(), state, backend="gemini", price_estimate_usd=PRICE, touched_ago=99
    )
    # Only a change writes what the render costs.
    force(cause, state=state)
    [row] = plan_shots(story, shots_of(story), "resume").rows
    force(cause, state="done", take=1, video_file="take-1.mp4")
    return RunCost.of(Decimal(0), [(row, VideoRender.objects.get())])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "charged"), [(State.INTERRUPTED, PRICE), (State.NOT_DOWNLOADED, Decimal(0))]
)
def test_what_was_charged_before_the_run_is_not_charged_by_it(settings, state, charged):
    settings.VIDEO_BACKEND = "gemini"

    cost = resumed_as(state)

    assert (cost.planned_usd, cost.charged_usd, cost.open_usd) == (0, charged, 0)


def test_the_sentence_says_what_may_still_cost():
    cost = RunCost(Decimal("44.80"), Decimal("32.00"), Decimal("6.40"))

    assert cost.sentence == "Charged $32.00 of $44.80 planned, $6.40 still open."
    assert RunCost(PRICE, Decimal(0), Decimal(0)).sentence == (
        "Charged $0.00 of $3.20 planned, nothing still open."
    )


def row(decision, status=None, shot=1):
    return {"decision": decision, "status": status, "scenelet_id": "opening", "shot_index": shot}


def test_outcomes_are_told_from_what_there_is_to_what_is_missing():
    rows = [
        row("blocked", None, 1),
        row("skip", "done", 2),
        row("generate", "blocked", 3),
        row("generate", "failed", 4),
        row("generate", "failed", 5),
        row("resume", "done", 6),
        row("generate", "queued", 7),
        row("generate", "unknown", 8),
    ]

    assert outcomes_in_words(rows) == (
        "8 shots: 1 generated, 1 queued, 1 outcome unknown, 1 blocked by the API, 2 failed, "
        "1 skipped, 1 blocked in the plan"
    )


def test_where_a_shot_gets_several_takes_shots_and_renders_are_told_apart():
    rows = [
        row("generate", "done", 1),
        row("generate", "failed", 1),
        row("blocked", None, 1),
        row("generate", "done", 2),
        row("blocked", None, 2),
        row("blocked", None, 2),
        row("skip", "done", 3),
    ]

    summary = summarise(rows, RunCost(PRICE, PRICE, Decimal(0)))

    numbers = ("targeted", "generated", "failed", "skipped", "blocked")
    assert [summary[each] for each in numbers] == [3, 2, 1, 1, 2]
    assert outcomes_in_words(rows) == (
        "3 shots, 3 renders: 2 generated, 1 failed, 1 shot skipped, 2 shots blocked in the plan"
    )


@pytest.mark.parametrize(
    ("mode", "status", "command"),
    [
        ("default", "failed", "run_task --story-id 'a b'"),
        ("resume", "blocked", "run_task --story-id 'a b'"),
        ("dry-run", "failed", "run_task --story-id 'a b' --mode dry-run"),
        ("override", "interrupted", "run_task --story-id 'a b' --mode resume"),
    ],
)
def test_the_next_command_chooses_the_same_shots(mode, status, command):
    [line] = next_commands([row("generate", status)], mode, ["--story-id", "a b"])

    assert line.endswith(f": manage.py {command}")


def test_what_would_pay_for_a_video_again_is_not_suggested():
    assert next_commands([row("generate", "failed")], "override", []) == []
    assert next_commands([row("skip", "failed")], "default", []) == []
