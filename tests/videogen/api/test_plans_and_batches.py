from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.api import problem, program
from tests.support.factories import make_budget, make_price, make_story, shots_of
from videogen.models import RenderBatch, Submission, VideoRender

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return make_story(shots=2)


@pytest.fixture
def paying(settings):
    settings.VIDEO_BACKEND = "gemini"
    make_price("0.40")


def plan(asks, **body):
    response = asks.post("/plans", {"story_id": "the-lamp", **body})
    assert response.status_code == 200, response.content
    return response.json()


def queue(asks, seen, *, key=None, **body):
    return asks.post(
        "/batches",
        {"story_id": "the-lamp", "fingerprint": seen["fingerprint"], **body},
        key=key,
    )


def test_a_plan_has_the_price_and_the_exact_requests(story, paying):
    found = plan(program(scope="read"))

    assert found["counts"] == {"generate": 2}
    assert (found["cost_usd"], found["price_usd"]) == ("6.40", "3.20")
    row = found["rows"][0]
    assert (row["code"], row["decision"], row["reason_code"]) == ("S01-01", "generate", "situation")
    assert row["request"]["prompt_text"].startswith('{\n  "global_aesthetic"')
    assert [each["kind"] for each in row["request"]["references"]] == [
        "character",
        "environment",
        "key_frame",
    ]
    assert not VideoRender.objects.exists() and not RenderBatch.objects.exists()


def test_a_plan_may_come_without_its_requests(story):
    found = program().post("/plans?requests=false", {"story_id": "the-lamp"}).json()

    assert [row["request"] for row in found["rows"]] == [None, None]


def test_what_makes_a_shot_impossible_is_a_blocker(story):
    shots_of(story).filter(shot_index=2).update(storyboard_payload=None)

    row = plan(program())["rows"][1]

    assert row["decision"] == "blocked"
    assert [each["code"] for each in row["blockers"]] == ["no_storyboard"]


def test_what_was_seen_is_queued(story):
    asks = program()
    seen = plan(asks, takes_per_shot=2)

    response = queue(asks, seen, takes_per_shot=2, priority="first")

    assert response.status_code == 201, response.content
    batch = response.json()
    assert response["Location"] == f"/api/v1/batches/{batch['id']}"
    assert batch["renders"] == {"queued": 4} and not batch["is_ended"]
    stored = RenderBatch.objects.get()
    assert (stored.door, stored.priority, stored.status) == ("api", 10, "confirmed")
    renders = VideoRender.objects.filter(batch=stored)
    assert {each.prompt_text for each in renders} == {
        row["request"]["prompt_text"] for row in seen["rows"]
    }
    assert asks.get(f"/batches/{batch['id']}").json() == batch


FORMAT = {"resolution": "720p", "aspect_ratio": "9:16", "duration_seconds": 4}


def test_the_format_and_the_profile_that_were_seen_are_queued(story, paying, settings):
    settings.VIDEO_USE_KEY_FRAMES = False  # with pictures, a clip has 8 seconds
    shots_of(story).update(storyboard_payload={"framingAndAngle": "Wide shot"})
    asks, chosen = program(), {**FORMAT, "model": "veo-3.1-lite-generate-preview"}
    chosen["prompt_profile"] = "lean"
    seen = plan(asks, **chosen)

    assert {name: seen[name] for name in chosen} == chosen
    assert seen["price_usd"] == "0.20"
    assert all(FORMAT.items() <= row["request"].items() for row in seen["rows"])
    assert problem(queue(asks, seen)) == (409, "plan_changed")
    response = queue(asks, seen, **chosen)

    assert response.status_code == 201, response.content
    batch = response.json()
    assert {name: batch[name] for name in chosen} == chosen
    renders = VideoRender.objects.filter(batch=batch["id"])
    assert len(renders) == 2
    for render in renders:
        assert {name: getattr(render, name) for name in chosen} == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "veo-3.1-fast-generate-preview"),
        ("resolution", "720p"),
        ("aspect_ratio", "9:16"),
        ("duration_seconds", 4),
        ("prompt_profile", "lean"),
        ("takes_per_shot", 2),
    ],
)
def test_each_option_is_in_the_fingerprint(story, name, value):
    rest = {"resolution": "720p"} if name == "duration_seconds" else {}
    usual = plan(program(), **rest)

    assert plan(program(), **{name: value}, **rest)["fingerprint"] != usual["fingerprint"]


def test_what_the_story_has_anyway_is_not_chosen(story):
    asks = program()
    usual = {"resolution": "1080p", "aspect_ratio": "16:9", "duration_seconds": 8}
    usual |= {"model": "veo-3.1-generate-preview", "prompt_profile": "full"}
    seen = plan(asks, **usual)

    batch = queue(asks, seen).json()

    assert {name: batch[name] for name in usual} == dict.fromkeys(usual)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"resolution": "8k"}, "resolution_not_made"),
        ({"aspect_ratio": "1:1"}, "aspect_ratio_not_made"),
        ({"duration_seconds": 5}, "duration_not_made"),
        ({"duration_seconds": 4}, "duration_not_made"),  # not at 1080p
        ({"resolution": "4k", "model": "veo-3.1-lite-generate-preview"}, "resolution_not_made"),
        ({"resolution": "720p", "model": "veo-9"}, "format_not_known"),
        ({"prompt_profile": "short"}, "invalid"),
    ],
)
@pytest.mark.parametrize("path", ["/plans", "/batches"])
def test_what_the_model_does_not_make_is_refused(story, settings, path, body, code):
    if body.get("model") == "veo-9":
        settings.VIDEO_MODEL = "veo-9"  # which the table does not know
    more = {"fingerprint": "0" * 64} if path == "/batches" else {}

    response = program().post(path, {"story_id": "the-lamp", **body, **more})

    assert problem(response) == (422, code)
    assert not RenderBatch.objects.exists()


def test_another_plan_than_the_seen_one_is_not_queued(story):
    asks = program()
    seen = plan(asks)
    shots_of(story).filter(shot_index=1).update(storyboard_payload={"x": "another"})

    assert problem(queue(asks, seen)) == (409, "plan_changed")
    assert not RenderBatch.objects.exists()


def test_other_options_than_the_seen_ones_are_not_queued(story):
    asks = program()
    seen = plan(asks, shot_index=1)

    assert problem(queue(asks, seen)) == (409, "plan_changed")
    assert problem(queue(asks, seen, shot_index=1, mode="override")) == (409, "plan_changed")


def test_nothing_to_do_is_said(story):
    asks = program()
    queue(asks, plan(asks))

    assert problem(queue(asks, plan(asks))) == (409, "nothing_to_do")
    assert RenderBatch.objects.count() == 1


def test_over_the_budget_the_answer_says_what_would_be_cheaper(story, paying):
    make_budget("3.00")
    asks = program()
    seen = plan(asks)

    response = queue(asks, seen)

    assert problem(response) == (409, "over_budget")
    shortage = response.json()["shortage"]
    assert (shortage["costs_usd"], shortage["left_usd"]) == ("6.40", "3.00")
    assert shortage == seen["shortage"]
    assert any(each["fits"] and each["cost_usd"] < "3.00" for each in shortage["cheaper"])
    assert not RenderBatch.objects.exists()


def test_what_fits_into_the_budget_is_queued(story, paying):
    make_budget("5.00")
    asks = program()

    batch = queue(asks, plan(asks)).json()

    assert batch["counts"] == {"generate": 1, "blocked": 1}
    assert [row["reason_code"] for row in batch["rows"]] == ["situation", "over_budget"]


def test_an_unknown_story_shot_or_model_is_not_there(story):
    asks = program()
    shot = make_story("another").scenelets.get().shots.get().pk

    for body, code in (
        ({"story_id": "the-lam"}, "no_story"),
        ({"story_id": "the-lamp", "scenelet_id": "x"}, "no_scenelet"),
        ({"story_id": "the-lamp", "shot_index": 9}, "no_shot"),
        ({"story_id": "the-lamp", "shots": [shot]}, "no_shot"),
        ({"story_id": "the-lamp", "model": "veo-9"}, "no_model"),
    ):
        assert problem(asks.post("/plans", body)) == (404, code)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body.body.story_id"),
        ({"story_id": "the-lamp", "mdoe": "override"}, "body.body.mdoe"),
        ({"story_id": "the-lamp", "mode": "all"}, "body.body.mode"),
        ({"story_id": "a\0b"}, "body.body.story_id"),
        ({"story_id": "the-lamp", "takes_per_shot": 5}, "body.body.takes_per_shot"),
        ({"story_id": "the-lamp", "shots": [2**63]}, "body.body.shots.0"),
    ],
)
def test_what_makes_no_sense_is_named(story, body, place):
    response = program().post("/plans", body)

    assert problem(response) == (422, "invalid")
    assert [each["place"] for each in response.json()["errors"]] == [place]


def test_a_dry_run_is_rehearsed_and_costs_nothing(story, paying):
    asks = program()
    seen = plan(asks, mode="dry-run")

    batch = queue(asks, seen, mode="dry-run").json()

    assert (seen["cost_usd"], seen["cost_if_sent_usd"]) == ("0.00", "6.40")
    assert batch["estimated_cost_usd"] == "0.00"
    assert set(VideoRender.objects.values_list("kind", flat=True)) == {"rehearsal"}


def test_queued_renders_are_cancelled(story):
    asks = program()
    batch = queue(asks, plan(asks)).json()["id"]

    assert asks.post(f"/batches/{batch}/cancel").json() == {"cancelled": 2}

    told = asks.get(f"/batches/{batch}").json()
    assert told["renders"] == {"cancelled": 2} and told["is_ended"] and told["ended_at"]
    assert not Submission.objects.exists()


def test_waiting_ends_with_the_batch_or_after_its_seconds(story):
    asks = program()
    batch = queue(asks, plan(asks)).json()["id"]

    began = timezone.now()
    told = asks.get(f"/batches/{batch}?wait=1").json()
    assert not told["is_ended"] and timezone.now() - began >= timedelta(seconds=1)
    asks.post(f"/batches/{batch}/cancel")
    began = timezone.now()
    told = asks.get(f"/batches/{batch}?wait=30").json()
    assert told["is_ended"] and timezone.now() - began < timedelta(seconds=5)


def test_a_draft_is_no_batch(story):
    draft = RenderBatch.objects.create(story=story, status="draft", mode="default", door="admin")

    assert problem(program().get(f"/batches/{draft.pk}")) == (404, "not_found")
