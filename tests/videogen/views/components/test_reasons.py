from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.factories import make_story, shots_of
from videogen.models import RenderBatch
from videogen.models.people import Requester
from videogen.planning.enqueue import queue_renders
from videogen.planning.modes import DECISIONS, Reason
from videogen.planning.plan import plan_shots
from videogen.planning.shot_status import Situation
from videogen.views.components.reasons import (
    BlockedShot,
    code_of_record,
    links_to_fix,
    reason_of_record,
)

pytestmark = pytest.mark.django_db

REQUESTER = Requester("admin", name="mira")


def records_of(story, mode="default"):
    plan = plan_shots(story, shots_of(story), mode)
    batch = queue_renders(plan, REQUESTER, task="CREATE_SHOT_VIDEO", wake=False).batch
    return RenderBatch.objects.get(pk=batch.pk).plan


@pytest.mark.parametrize("mode", RenderBatch.Mode.values)
@pytest.mark.parametrize("situation", Situation)
def test_what_a_row_decided_does_not_hang_on_its_words(situation, mode):
    decision = DECISIONS[situation][mode]
    old = {"decision": decision.action.value, "reason": decision.reason}
    codes = {
        "code": decision.code.value,
        "params": dict(decision.params),
        "situation": situation.value,
    }

    reworded = old | codes | {"reason": "in other words"}

    told = reason_of_record(reworded, mode, None)
    assert "other words" not in told
    if (situation, mode) != (Situation.NOT_DOWNLOADED, "default"):
        # The table has the same words for it as for an interrupted render.
        same = [each for each in Situation if DECISIONS[each][mode] == decision]
        assert same[0] != situation or told == reason_of_record(old, mode, None)


def test_the_budget_that_blocked_a_row_is_known_by_its_code(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = Decimal("1")

    [record] = records_of(make_story())

    assert record["reason"] == "Over the budget: it costs $3.20, $1.00 is left."
    assert record["params"]["limit"] == {"kind": "settings"}
    reworded = record | {"reason": "There is no money."}
    assert code_of_record(reworded) == Reason.OVER_BUDGET
    assert reason_of_record(reworded, "default", None) == record["reason"]
    blocked = BlockedShot(True, False, code_of_record(reworded))
    assert [way.words for way in links_to_fix(1, 1, {}, blocked)] == ["What was spent"]


def test_the_price_that_is_missing_is_known_by_its_code(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_MODEL = "veo-9"

    [record] = records_of(make_story())

    assert record["code"] == "no_price"
    blocked = BlockedShot(True, False, code_of_record(record | {"reason": "It is unpriced."}))
    assert links_to_fix(1, 1, {}, blocked) == ()


def test_what_made_a_shot_impossible_is_stored_as_codes_and_told_in_words():
    [record] = records_of(make_story(visual=None, audio={}))

    assert record["params"] == {
        "problems": [
            {"code": "no_document", "params": {"kind": kind}} for kind in ("visual", "audio")
        ]
    }
    told = reason_of_record(record | {"reason": "in other words"}, "default", None)
    assert told == record["reason"]
    assert code_of_record(record) == Reason.IMPOSSIBLE


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        # As it was stored before problems had codes.
        ("The {shot} has no storyboard.", "The {shot} has no storyboard."),
        # Of a newer version, or not to be read: then the words of the row are shown.
        ({"code": "of a newer version", "params": {}}, "As it is stored."),
        ({"code": "no_document", "params": {}}, "As it is stored."),
        ({"code": "no_document"}, "As it is stored."),
        ({"code": "no_storyboard", "params": None}, "As it is stored."),
    ],
)
def test_a_stored_problem_is_read_in_whatever_form_it_has(problem, told):
    record = {
        "decision": "blocked",
        "reason": "as it is stored",
        "code": "impossible",
        "params": {"problems": [problem]},
        "situation": "nothing",
    }

    assert reason_of_record(record, "default", None) == told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Over the budget of the story: it costs $3.20, $0.00 is left.", Reason.OVER_BUDGET),
        ("No price is known for veo-9 at 1080p, and what has none is never sent.", Reason.NO_PRICE),
        ("The shot has no storyboard payload.", None),
    ],
)
def test_a_row_from_before_there_were_codes_is_read_by_its_words(words, code):
    record = {"decision": "blocked", "reason": words}

    assert code_of_record(record) == code
    assert reason_of_record(record, "default", None) == words


def test_a_row_of_a_newer_version_is_told_in_its_own_words():
    record = {"decision": "skip", "reason": "the moon", "code": "?", "params": {}, "situation": "?"}

    assert reason_of_record(record, "default", None) == "The moon."
