"""The profile of the prompt: where it is chosen, and that it is part of the request."""

from __future__ import annotations

import copy
import json

import pytest
from django.urls import reverse

from storybook.models import DesignDocument
from tests.support.admin_clients import fingerprint, producer
from tests.support.commands import manage
from tests.support.drafts import make_draft
from tests.support.factories import VISUAL, make_story, shots_of
from tests.support.pages import page_of
from tests.support.takes import make_takes
from videogen.models import RenderBatch, StorySettings, VideoRender
from videogen.models.people import Requester
from videogen.ops.checks import check_request_settings
from videogen.planning.enqueue import queue_renders
from videogen.planning.outdated import find_changes
from videogen.planning.plan import Plan, content_of, plan_shots
from videogen.planning.request_diff import differences
from videogen.planning.rerun import generate_exactly
from videogen.prompts.fingerprints import hashes_of, request_sha256

pytestmark = pytest.mark.django_db

COMMAND = Requester(RenderBatch.Door.COMMAND, name="operator")
LONG = " ".join(f"Sentence {number} is about glaciers and volcanoes." for number in range(200))
WORDY = copy.deepcopy(VISUAL) | {"global_aesthetic": {"visual_style": LONG}}


def plan(story, **options) -> Plan:
    return plan_shots(story, shots_of(story), options.pop("mode", "default"), **options)


def profile_of(story, **options) -> str:
    plan_ = plan(story, **options)
    [row] = plan_.rows
    assert row.prompt.profile == plan_.request.prompt_profile
    return row.prompt.profile


def test_the_batch_comes_before_the_story_and_the_story_before_the_settings(settings):
    story = make_story()
    assert profile_of(story) == "full"

    settings.VIDEO_PROMPT_PROFILE = "lean"
    assert profile_of(story) == "lean"

    own = StorySettings.objects.create(story=story, prompt_profile="full")
    assert not own.is_empty
    assert profile_of(story) == "full"
    assert profile_of(story, prompt_profile="lean") == "lean"


def test_another_profile_of_the_settings_is_found(settings):
    settings.VIDEO_PROMPT_PROFILE = "slim"

    assert [each.id for each in check_request_settings()] == ["videogen.E074"]


def test_the_full_profile_does_not_count_in_the_hash():
    story = make_story()
    full = plan(story)
    content = content_of(full.rows[0])
    sent = full.request.sent

    before = {name: value for name, value in sent.items() if name != "prompt_profile"}
    assert request_sha256(content, **sent) == request_sha256(content, **before)
    assert request_sha256(content, **sent | {"prompt_profile": "lean"}) != request_sha256(
        content, **sent
    )


def test_a_render_keeps_profile_limit_and_what_was_left_out():
    story = make_story(visual=WORDY)
    lean = plan(story, prompt_profile="lean")
    [row] = lean.rows

    queued = queue_renders(lean, COMMAND, task="CREATE_SHOT_VIDEO")

    render = VideoRender.objects.get()
    assert (render.prompt_profile, render.prompt_limit) == ("lean", 1024)
    assert render.prompt_left_out == [each.as_dict() for each in row.prompt.left_out]
    assert len(render.prompt_left_out) > 100
    assert render.prompt_tokens < 1024
    assert hashes_of(render)["request_sha256"] == render.request_sha256
    assert queued.batch.prompt_profile == "lean"

    copy_of = VideoRender.objects.get(pk=render.pk)
    copy_of.move("queued", "cancelled")
    generate_exactly(copy_of, COMMAND)
    again = VideoRender.objects.exclude(pk=render.pk).get()
    assert again.prompt_text == render.prompt_text
    assert again.request_sha256 == render.request_sha256
    assert again.prompt_left_out == render.prompt_left_out
    assert again.prompt_limit == 1024


def test_plan_fingerprint_and_repeats_see_the_profile():
    story = make_story()
    make_takes(*shots_of(story))

    full, lean = (plan(story, mode="override", prompt_profile=each) for each in ("full", "lean"))

    assert full.fingerprint != lean.fingerprint
    assert [each.code for each in full.rows[0].warnings] == ["repeat"]
    assert lean.rows[0].warnings == ()
    now, old = (
        VideoRender(prompt_text=each.rows[0].prompt.text, **each.request.sent)
        for each in (lean, full)
    )
    assert [(each.name, each.old, each.new) for each in differences(now, old).settings] == [
        ("prompt profile", "full", "lean")
    ]


@pytest.mark.parametrize("profile", ["full", "lean"])
def test_another_setting_makes_no_take_out_of_date_and_another_story_does(settings, profile):
    settings.VIDEO_PROMPT_PROFILE = profile
    story = make_story(visual=WORDY)
    make_takes(*shots_of(story))
    takes = [VideoRender.objects.get().pk]
    assert VideoRender.objects.get().prompt_profile == profile

    for now in ("full", "lean"):
        settings.VIDEO_PROMPT_PROFILE = now
        assert find_changes(story, takes) == []
        settings.VIDEO_PROMPT_LIMIT_TOKENS = 5000
        assert find_changes(story, takes) == []
        settings.VIDEO_PROMPT_LIMIT_TOKENS = None
        settings.VIDEO_USE_KEY_FRAMES = False
        assert find_changes(story, takes) == []
        settings.VIDEO_USE_KEY_FRAMES = True

    document = DesignDocument.objects.get(kind="visual")
    document.document["character_designs"][0]["detailed_description"] = "A woman in a raincoat."
    document.save()
    for now in ("full", "lean"):
        settings.VIDEO_PROMPT_PROFILE = now
        [change] = find_changes(story, takes)
        assert change.differences.settings == ()
        assert any("A woman" in line.text for line in change.differences.prompt)


def test_run_task_takes_the_profile():
    make_story(visual=WORDY)
    asked = ("run_task", "--task", "CREATE_SHOT_VIDEO", "--story-id", "the-lamp")

    shown = manage(*asked, "--mode", "dry-run", "--json", "--prompt-profile", "lean")

    row = json.loads(shown.stdout.splitlines()[0])
    assert row["request"]["prompt_profile"] == "lean"
    assert next(iter(row["prompt"])) == "critical_instruction"
    assert row["prompt_tokens"] < 1024
    assert manage(*asked, "--prompt-profile", "slim").returncode == 2


def test_the_page_of_the_plan_offers_the_profiles_and_confirms_the_chosen_one():
    story = make_story(visual=WORDY)
    draft = make_draft(shots_of(story))
    url = reverse("admin:videogen_renderbatch_plan", args=[draft.pk])
    client = producer()

    page = page_of(client.get(url))
    [choice] = [each for each in page.hooks("choice") if each["choice"] == "profile"]
    assert "profile=lean" in str([link for link in page.links if "profile=" in link])
    assert choice.text.startswith("Prompts")
    response = client.get(f"{url}?mode=default&profile=lean")
    [row] = response.context["page"].plan.rows
    assert row.warnings == ()
    seen = fingerprint(response)

    client.post(url, {"mode": "default", "profile": "lean", "planned": seen, "confirm": "1"})

    draft.refresh_from_db()
    assert (draft.status, draft.prompt_profile) == ("confirmed", "lean")
    assert VideoRender.objects.get().prompt_profile == "lean"


def test_the_row_of_a_plan_shows_the_room_and_what_is_left_out():
    story = make_story(visual=WORDY)
    draft = make_draft(shots_of(story))
    shot = shots_of(story).get()
    url = reverse("admin:videogen_renderbatch_plan_row", args=[draft.pk, shot.pk])

    for profile in ("full", "lean"):
        response = producer().get(f"{url}?mode=default&profile={profile}")
        page = page_of(response)
        prompt = response.context["each"].row.prompt
        [room] = page.hooks("room")
        assert (room["room"], room["limit"]) == (str(prompt.tokens), "1024")
        parts = {each["part"]: int(each["tokens"]) for each in page.hooks("part")}
        assert list(parts) == list(prompt.document)
        assert sum(parts.values()) == prompt.tokens
        unread = sum(int(each["unread"]) for each in page.hooks("part"))
        assert unread == max(0, prompt.tokens - 1024)
        told = [
            (each["left-out-because"], each["left-out-of"]) for each in page.hooks("left-out-of")
        ]
        assert told == [(each.reason, each.place) for each in prompt.left_out]
        assert bool(told) == (profile == "lean")
