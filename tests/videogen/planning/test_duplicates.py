"""The same thing twice: told in the plan, and asked for before it is paid for once more."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from storybook.models import Shot, Story
from tests.support.admin_clients import fingerprint, producer, viewer
from tests.support.clips import write_clip
from tests.support.drafts import confirm, look, make_draft, make_shots, offer, plan_url
from tests.support.factories import PAYLOAD, force, make_render, make_shot
from tests.support.pages import levels, page_of
from tests.support.takes import make_take, make_takes
from videogen.cli.create_shot_videos import create_shot_videos
from videogen.cli.workflow import TaskRequest
from videogen.common.errors import RequestError
from videogen.models import RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.drafts import set_options
from videogen.planning.enqueue import queue_renders
from videogen.planning.modes import Reason
from videogen.planning.plan import plan_shots
from videogen.planning.rerun import generate_exactly
from videogen.prompts.fingerprints import hashes_of
from videogen.takes.uploads import use_take

pytestmark = pytest.mark.django_db

TOLD = "You have this already as take 1 of 3 May 2026: same prompt, references, model and settings."


@pytest.fixture(autouse=True)
def this_year(monkeypatch):
    """Tests of the third of May are of its year."""
    monkeypatch.setattr(
        "videogen.planning.duplicates.timezone.localdate",
        lambda moment=None: moment.date() if moment else date(2026, 12, 1),
    )


def change_story(shot, text="close, high"):
    payload = copy.deepcopy(PAYLOAD) | {"framingAndAngle": text}
    Shot.objects.filter(pk=shot.pk).update(storyboard_payload=payload)


def plan(*shots, mode="override", **options):
    chosen = Shot.objects.filter(pk__in=[shot.pk for shot in shots])
    return plan_shots(shots[0].scenelet.story, chosen, mode, **options)


def different_shots(number):
    shots = make_shots(number)
    for shot in shots:
        change_story(shot, f"angle {shot.pk}")
    return shots


# -- what is the same ------------------------------------------------------------------------------


def test_a_queued_render_has_the_hashes_of_what_it_sends():
    (render,) = make_takes(make_shot())

    assert render.content_sha256 and render.request_sha256
    assert hashes_of(render) == {
        "content_sha256": render.content_sha256,
        "request_sha256": render.request_sha256,
    }


def test_generated_exactly_it_is_the_same_request():
    render = make_take(make_shot())

    queued = generate_exactly(render, Requester("admin"))

    again = VideoRender.objects.get(pk__in=queued.render_ids)
    assert again.request_sha256 == render.request_sha256
    assert again.content_sha256 == render.content_sha256


def test_the_plan_tells_of_the_take_that_there_is():
    shot = make_shot()
    take = make_take(shot)

    (row,) = plan(shot).rows

    assert (row.decision.action, row.same) == ("generate", take)
    assert TOLD in row.warnings


def test_the_newest_take_of_the_same_request_is_named():
    shot = make_shot()
    make_take(shot)
    make_take(shot)

    (row,) = plan(shot).rows

    assert any("as take 2 of 3 May" in warning for warning in row.warnings)


def test_a_take_of_another_year_says_so():
    shot = make_shot()
    make_take(shot, rendered_at=timezone.now().replace(year=2025, month=1, day=9))

    (row,) = plan(shot).rows

    assert any("take 1 of 9 Jan 2025:" in warning for warning in row.warnings)


def test_a_rejected_take_is_called_so():
    shot = make_shot()
    make_take(shot, review="rejected")

    (row,) = plan(shot).rows

    assert any("of 3 May 2026, which was rejected: same prompt" in each for each in row.warnings)


def test_a_take_of_another_shot_with_the_same_request_is_named_with_its_shot():
    one, other = make_shots(2)
    make_take(one)

    rows = {row.shot: row for row in plan(one, other, mode="default").rows}

    assert rows[one].same is None  # skipped: it has a video
    assert rows[other].decision.action == "generate"
    assert any("as take 1 of S01-01 of 3 May" in each for each in rows[other].warnings)


def test_the_own_take_comes_before_a_newer_one_of_another_shot():
    one, other = make_shots(2)
    take = make_take(one)
    make_take(other)

    (row,) = plan(one).rows

    assert row.same == take


@pytest.mark.parametrize("state", ["failed", "blocked", "cancelled", "rehearsed", "unknown"])
def test_only_what_has_a_video_counts(state):
    shot = make_shot()
    take = make_take(shot)
    force(take, state=state, take=None, video_file="")

    assert all(row.same is None for row in plan(shot).rows)


def test_a_changed_story_is_no_repeat():
    shot = make_shot()
    make_take(shot)
    change_story(shot)

    (row,) = plan(shot).rows

    assert row.same is None
    assert not any("already" in warning for warning in row.warnings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIDEO_MODEL", "veo-3.1-fast-generate-preview"),
        ("VIDEO_RESOLUTION", "720p"),
        ("VIDEO_DURATION_SECONDS", 6),
        ("VIDEO_USE_KEY_FRAMES", False),
    ],
)
def test_other_settings_are_no_repeat(settings, name, value):
    shot = make_shot()
    make_take(shot)
    setattr(settings, name, value)

    (row,) = plan(shot).rows

    assert row.same is None


def test_what_the_simulator_made_is_no_repeat_of_a_real_one(settings):
    shot = make_shot()
    make_take(shot)
    settings.VIDEO_BACKEND = "gemini"

    (row,) = plan(shot).rows

    assert (row.decision.action, row.same) == ("generate", None)


def test_a_rehearsal_repeats_nothing():
    shot = make_shot()
    make_take(shot)

    (row,) = plan(shot, mode="dry-run", skip_repeats=True).rows

    assert (row.decision.action, row.same, row.warnings) == ("rehearse", None, ())


def test_repeats_cost_no_budget(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = 4
    one, other = different_shots(2)
    make_take(one)
    VideoRender.objects.update(price_estimate_usd=0)

    rows = plan(one, other, skip_repeats=True).rows

    assert [row.decision.action for row in rows] == ["skip", "generate"]


def test_number_of_queries_does_not_grow(django_assert_num_queries, django_assert_max_num_queries):
    few, many = different_shots(2), different_shots(9)
    make_takes(*few)
    make_takes(*many)
    with django_assert_max_num_queries(12) as counted:
        plan(*few)
    with django_assert_num_queries(len(counted)):
        plan(*many)


# -- the command line ------------------------------------------------------------------------------


def run(shot, **options):
    request = TaskRequest(shot.scenelet.story.story_id, Requester("command"), **options)
    return create_shot_videos(request).rows


def test_on_the_command_line_override_is_the_yes_and_the_row_warns():
    shot = make_shot()
    make_take(shot)

    (row,) = run(shot, mode="override")

    assert (row["decision"], row["status"]) == ("generate", "queued")
    assert row["reason"] == "generate a new take, keep the old ones"
    assert TOLD in row["warnings"]


def test_repeat_is_kept_with_the_batch():
    shot = make_shot()
    make_take(shot)

    (row,) = run(shot, mode="override", repeat=True)

    assert row["decision"] == "generate"
    assert RenderBatch.objects.order_by("-pk").first().repeats_confirmed


def test_no_repeat_skips_what_there_is_and_renders_the_rest():
    one, other = different_shots(2)
    take = make_take(one)

    rows = run(one, mode="override", repeat=False)

    assert [row["decision"] for row in rows] == ["skip", "generate"]
    assert rows[0]["reason"] == TOLD
    assert (rows[0]["render_id"], rows[0]["take"]) == (take.pk, 1)
    assert VideoRender.objects.filter(shot=other, state="queued").count() == 1


def test_a_shot_without_a_video_is_rendered_and_told_of_anothers():
    one, other = make_shots(2)
    make_take(one)

    rows = run(one)

    assert [row["decision"] for row in rows] == ["skip", "generate"]
    assert any("S01-01" in warning for warning in rows[1]["warnings"])


# -- the plan's page -------------------------------------------------------------------------------


def test_a_mode_means_the_same_on_the_page_as_on_the_command_line():
    shot = make_shot()
    take = make_take(shot)
    browser, draft = producer(), make_draft([shot], "override")

    response = look(browser, draft, "override")
    confirm(browser, draft, "override")

    # The one test of these words.
    page = page_of(response)
    assert offer(response) == ({"generate": 1}, 0, True)
    assert TOLD in page.texts("warning")
    assert page.hook("repeats").tags("p")[0].text.endswith("This mode renders it once more · free.")
    [again] = VideoRender.objects.exclude(pk=take.pk)
    assert again.request_sha256 == take.request_sha256
    assert TOLD in again.warnings


def test_repeats_can_be_left_out(settings):
    shots = different_shots(3)
    takes = make_takes(*shots[:2])
    settings.VIDEO_BACKEND = "gemini"
    force(VideoRender.objects.all(), is_simulated=False, backend="gemini")
    browser, draft = producer(), make_draft(shots, "override")
    repeats = page_of(look(browser, draft, "override")).hook("repeats", "2")
    assert repeats.links == ["?mode=override&repeat=0"]
    assert repeats.sums == ["$6.40"]

    left = browser.get(plan_url(draft), {"mode": "override", "repeat": 0})

    page = page_of(left)
    assert offer(left) == ({"generate": 1, "skip": 2}, Decimal("3.20"), True)
    assert page.hook("repeats", "2").links == ["?mode=override"]
    assert page.hook("repeats").sums == ["$6.40"]
    url = reverse("admin:storybook_shot_takes", args=[shots[0].pk])
    assert f"{url}#render-{takes[0].pk}" in page.hook("shot", str(shots[0].pk)).links
    draft.refresh_from_db()
    assert not draft.skips_repeats, "looking changes nothing"
    form = {"mode": "override", "repeat": 0, "planned": fingerprint(left), "confirm": 1}
    browser.post(plan_url(draft), form)
    draft.refresh_from_db()
    assert draft.skips_repeats
    assert draft.counts == {"generate": 1, "skip": 2}
    assert list(draft.renders.values_list("shot", flat=True)) == [shots[2].pk]


@pytest.mark.parametrize("chosen", ["default", "resume", "override", "dry-run"])
@pytest.mark.parametrize("repeat", [0, 1])
def test_every_card_says_what_its_mode_does_once_it_is_chosen(settings, chosen, repeat):
    shots = different_shots(4)
    make_takes(*shots[:2])
    make_take(shots[2], review="rejected")
    settings.VIDEO_BACKEND = "gemini"
    force(VideoRender.objects.all(), is_simulated=False, backend="gemini")
    browser, draft = producer(), make_draft(shots)

    cards = browser.get(plan_url(draft), {"mode": chosen, "repeat": repeat}).context["modes"]

    assert [card.is_chosen for card in cards] == [card.value == chosen for card in cards]
    for card in cards:
        page = browser.get(plan_url(draft), {"mode": card.value, "repeat": repeat})
        assert card.outcome == page.context["page"].button


def test_leaving_out_belongs_to_the_plan_that_was_seen():
    shot = make_shot()
    make_take(shot)
    browser, draft = producer(), make_draft([shot], "override")
    left_out = fingerprint(browser.get(plan_url(draft), {"mode": "override", "repeat": 0}))
    assert left_out != fingerprint(look(browser, draft, "override"))

    form = {"mode": "override", "planned": left_out, "confirm": 1}
    response = browser.post(plan_url(draft), form)

    assert response.headers["Location"].endswith("?mode=override")
    draft.refresh_from_db()
    assert (draft.status, draft.skips_repeats) == ("draft", False)
    assert VideoRender.objects.count() == 1


def test_a_take_that_comes_meanwhile_makes_it_another_plan():
    one, other = make_shots(2)
    make_render(one, "failed")
    browser, draft = producer(), make_draft([one])
    seen = fingerprint(look(browser, draft))
    make_take(other)

    response = confirm(browser, draft, seen=seen, follow=True)

    assert levels(response) == ["warning"]
    assert not draft.renders.exists()


def test_a_confirmed_draft_takes_no_answer_any_more():
    shot = make_shot()
    draft = make_draft([shot])
    RenderBatch.objects.filter(pk=draft.pk).update(status="confirmed")
    with pytest.raises(RequestError):
        set_options(draft, model="", over_budget="fit", skips_repeats=True)


def test_who_may_only_look_is_not_asked():
    shot = make_shot()
    make_take(shot)
    draft = make_draft([shot], "override")

    repeats = page_of(look(viewer(), draft, "override")).hook("repeats")

    assert repeats.links == []


def test_the_page_of_one_row_says_the_same():
    shot = make_shot()
    make_take(shot)
    draft = make_draft([shot], "override")
    url = reverse("admin:videogen_renderbatch_plan_row", args=[draft.pk, shot.pk])

    again = producer().get(url, {"mode": "override"})
    left_out = producer().get(url, {"mode": "override", "repeat": 0})

    assert page_of(again).values("badge") == ["generate"]
    assert TOLD in page_of(again).texts("warning")
    assert page_of(left_out).values("badge") == ["skip"]
    assert left_out.context["each"].row.decision.code == Reason.REPEAT


# -- a take of another story -----------------------------------------------------------------------


@pytest.fixture
def of_two_stories(tmp_path):
    """A shot, and the take of another story's shot with the very same request."""
    one, other = make_shot(story_id="one"), make_shot(story_id="other")
    Story.objects.filter(story_id="one").update(title="The boat")
    take = make_take(one)
    clip = ContentFile(write_clip(tmp_path / "clip.mp4"))
    force(take, video_file=default_storage.save("take-of-the-boat.mp4", clip))
    return other, VideoRender.objects.get(pk=take.pk)


def test_a_take_of_another_story_is_named_with_its_story(of_two_stories):
    other, _ = of_two_stories

    (row,) = plan(other, mode="default").rows

    told = "take 1 of S01-01 in the story “The boat” of 3 May"
    assert any(told in each for each in row.warnings)


def test_a_take_of_another_story_can_be_used_for_nothing(of_two_stories):
    other, take = of_two_stories
    browser, draft = producer(), make_draft([other])
    url = reverse("admin:videogen_renderbatch_plan_use", args=[draft.pk, other.pk])
    assert url in page_of(look(browser, draft)).actions

    response = browser.post(url, {"take": take.pk, "mode": "default"}, follow=True)

    assert levels(response) == ["success"]
    used = VideoRender.objects.get(shot=other)
    assert (used.kind, used.state, used.take) == ("upload", "done", 1)
    assert used.video_seconds == pytest.approx(1, abs=0.1)
    assert used.video_file != take.video_file and default_storage.exists(used.video_file)
    assert not used.submissions.exists()
    assert offer(response) == ({"skip": 1}, 0, False)


def test_a_second_click_makes_no_second_copy(of_two_stories):
    other, take = of_two_stories
    browser, draft = producer(), make_draft([other])
    url = reverse("admin:videogen_renderbatch_plan_use", args=[draft.pk, other.pk])
    # In this mode the plan offers the take as long as the shot is not approved.
    form = {"take": take.pk, "mode": "override"}

    browser.post(url, form)
    response = browser.post(url, form, follow=True)

    # Of the first click and of the second.
    assert [each.level_tag for each in response.context["messages"]] == ["success", "warning"]
    assert VideoRender.objects.get(shot=other).take == 1


def test_a_copy_that_was_rejected_may_be_made_again(of_two_stories):
    other, take = of_two_stories
    force(use_take(other, take, Requester("admin")), review="rejected")

    assert use_take(other, take, Requester("admin")).take == 2


def test_a_used_take_of_the_simulator_stays_the_simulators(of_two_stories):
    other, take = of_two_stories
    force(take, is_simulated=True)
    browser, draft = producer(), make_draft([other])
    url = reverse("admin:videogen_renderbatch_plan_use", args=[draft.pk, other.pk])

    browser.post(url, {"take": take.pk, "mode": "default"})

    assert VideoRender.objects.get(shot=other).is_simulated


def test_only_the_take_that_the_row_names_is_used(of_two_stories):
    other, take = of_two_stories
    change_story(other)
    browser, draft = producer(), make_draft([other])
    url = reverse("admin:videogen_renderbatch_plan_use", args=[draft.pk, other.pk])

    for number in (take.pk, "", "x"):
        response = browser.post(url, {"take": number}, follow=True)
        assert levels(response) == ["warning"]
    assert not VideoRender.objects.filter(shot=other).exists()


def test_the_own_take_is_not_offered_for_its_own_shot():
    shot = make_shot()
    make_take(shot)
    draft = make_draft([shot], "override")

    url = reverse("admin:videogen_renderbatch_plan_use", args=[draft.pk, shot.pk])
    assert url not in page_of(look(producer(), draft, "override")).actions


# -- generate exactly this -------------------------------------------------------------------------


def test_generate_exactly_this_names_the_take():
    shot = make_shot()
    take = make_take(shot)
    failed = make_render(
        shot,
        "failed",
        prompt_text=take.prompt_text,
        references=take.references,
        **hashes_of(take),
    )
    other = make_render(shot, "failed")
    browser = producer()

    def page(render):
        url = reverse("admin:videogen_takes_generate", args=[shot.pk, render.pk])
        return page_of(browser.get(url))

    assert page(take).texts("have") == page(failed).texts("have") == [TOLD]
    assert "have" not in page(other)


def test_what_there_was_when_it_was_asked_for_is_not_said_of_a_copy():
    shot = make_shot()
    make_take(shot)
    plan_again = plan(shot)
    queued = queue_renders(plan_again, Requester("command"), task="CREATE_SHOT_VIDEO", wake=False)
    second = VideoRender.objects.get(pk__in=queued.render_ids)
    assert TOLD in second.warnings
    force(second, state="failed")
    second.refresh_from_db()

    copied = generate_exactly(second, Requester("admin"))

    assert VideoRender.objects.get(pk__in=copied.render_ids).warnings == []
