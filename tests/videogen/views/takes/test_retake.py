"""Reject and retake on one page: what is shown is what is sent, and it is all or nothing."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from storybook.models import Picture, Shot
from tests.support.admin_clients import VIEWS, browser_of
from tests.support.factories import SHEET, force, make_budget, make_price, make_render, make_shot
from tests.support.pages import content
from tests.support.takes import make_take
from videogen.models import Direction, ReferenceChoice, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots

pytestmark = pytest.mark.django_db

JUDGE = (
    *VIEWS,
    "videogen.generate_video",
    "videogen.review_video",
    "videogen.view_direction",
    "videogen.add_direction",
    "videogen.change_direction",
    "storybook.change_shot",
    "videogen.change_referencechoice",
)


@pytest.fixture
def shot():
    return make_shot()


@pytest.fixture
def take(shot):
    return make_take(shot)


@pytest.fixture
def browser():
    return browser_of(*JUDGE, username="judge")


def url_of(take):
    return reverse("admin:videogen_takes_retake", args=[take.shot_id, take.pk])


def preview(browser, take, **values):
    return browser.post(url_of(take), {"verb": "preview", **values})


def send(browser, take, **values):
    """Look at it, and press the button."""
    seen = preview(browser, take, **values).context["seen"]
    return browser.post(url_of(take), {"verb": "queue", "seen": seen, **values})


def queued(shot):
    return VideoRender.objects.filter(shot=shot, state="queued")


def test_the_page_says_what_the_button_does(browser, take):
    page = content(browser.get(url_of(take)))

    assert "Reject and render · free" in page
    assert "Direction for the next takes of this shot" in page
    assert "How the next request differs" in page


def test_the_take_is_rejected_and_the_next_one_has_the_direction(browser, shot, take):
    response = send(
        browser,
        take,
        reasons=["sound", "face"],
        words="The hat is gone.",
        direction="Keep her hat on.",
    )

    assert response.status_code == 302
    take.refresh_from_db()
    assert (take.review, take.review_reason) == ("rejected", "The hat is gone.")
    assert (take.review_reasons, take.reviewed_by_name) == ("face,sound", "judge")
    [render] = queued(shot)
    assert json.loads(render.prompt_text)["director_notes"] == ["Keep her hat on."]
    assert Direction.objects.get().author_name == "judge"
    assert render.batch.filters == {"retake_of": take.pk, "shots": [shot.pk]}
    assert take.reviewed_at <= render.queued_at


def test_a_retake_has_the_prompt_profile_of_its_take(browser, shot):
    chosen = Shot.objects.filter(pk=shot.pk)
    plan = plan_shots(shot.scenelet.story, chosen, "override", prompt_profile="lean")
    queue_renders(plan, Requester("command"), task="CREATE_SHOT_VIDEO", wake=False)
    lean = VideoRender.objects.get()
    force(lean, state="done", take=1, video_file="a.mp4")

    assert not preview(browser, lean).context["now"].changes.settings
    send(browser, lean)

    assert queued(shot).get().prompt_profile == "lean"
    assert queued(shot).get().prompt_text == lean.prompt_text


def test_model_and_resolution_are_chosen_and_priced(browser, shot, take, settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"
    values = {"model": "veo-3.1-fast-generate-preview", "resolution": "720p"}

    assert preview(browser, take, **values).context["price"] == "$0.80"
    send(browser, take, **values)

    [render] = queued(shot)
    assert (render.model, render.resolution) == tuple(values.values())
    assert render.batch.resolution == "720p"


def test_a_preview_shows_the_very_request_and_changes_nothing(browser, shot, take):
    values = {"reasons": ["face"], "words": "No.", "direction": "Keep her hat on."}
    shown = preview(browser, take, **values).context

    take.refresh_from_db()
    assert take.review == "unreviewed"
    assert not Direction.objects.exists()
    assert not queued(shot).exists()
    added = [each.text for each in shown["now"].changes.prompt if each.kind == "added"]
    assert any("Keep her hat on." in text for text in added)
    send(browser, take, **values)
    assert queued(shot).get().prompt_text == shown["row"].prompt.text


def test_what_was_not_seen_is_not_sent(browser, shot, take):
    seen = browser.get(url_of(take)).context["seen"]

    values = {"verb": "queue", "seen": seen, "direction": "Another one.", "words": "My words."}
    response = browser.post(url_of(take), values)

    assert response.status_code == 200
    assert [each.level_tag for each in response.context["messages"]] == ["warning"]
    assert response.context["form"]["words"].value() == "My words."
    take.refresh_from_db()
    assert take.review == "unreviewed"
    assert not queued(shot).exists()
    assert not Direction.objects.exists()
    # What is shown now can be sent.
    again = values | {"seen": response.context["seen"]}
    assert browser.post(url_of(take), again).status_code == 302


def test_a_second_click_queues_nothing(browser, shot, take):
    values = {"direction": "Once."}
    seen = preview(browser, take, **values).context["seen"]
    form = {"verb": "queue", "seen": seen, **values}

    browser.post(url_of(take), form)
    second = browser.post(url_of(take), form)

    assert second.context["refusal"]
    assert not second.context["can_queue"]
    assert queued(shot).count() == 1
    assert Direction.objects.count() == 1


def test_without_a_direction_the_same_request_is_sent_again_and_it_says_so(browser, shot, take):
    response = preview(browser, take)

    assert any(each.code == "repeat" for each in response.context["row"].warnings)
    send(browser, take)
    assert queued(shot).get().prompt_text == take.prompt_text


def test_an_approved_take_is_not_rejected(browser, shot, take):
    VideoRender.objects.filter(pk=take.pk).transition(review="approved")

    response = browser.get(url_of(take))

    assert response.context["refusal"]
    assert not response.context["can_queue"]
    send(browser, take)
    take.refresh_from_db()
    assert take.review == "approved"
    assert not queued(shot).exists()


def test_nothing_is_rejected_where_the_budget_has_no_room(browser, shot, take, settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"
    make_budget("1.00")

    response = send(browser, take, words="No.", direction="Hat.")

    assert response.status_code == 200
    take.refresh_from_db()
    assert take.review == "unreviewed"
    assert not Direction.objects.exists()
    assert not queued(shot).exists()


def test_the_price_that_was_seen_is_the_price_that_is_paid(browser, shot, take, settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.GEMINI_API_KEY = "key"
    seen = preview(browser, take).context["seen"]
    make_price("0.99")

    response = browser.post(url_of(take), {"verb": "queue", "seen": seen})

    assert response.status_code == 200
    assert not queued(shot).exists()


def test_a_shot_that_is_being_rendered_gets_no_second_render(browser, shot, take):
    make_render(shot, "running")

    assert not browser.get(url_of(take)).context["can_queue"]
    send(browser, take)
    take.refresh_from_db()
    assert take.review == "unreviewed"


def test_references_are_reordered_and_left_out(browser, shot, take):
    page = browser.get(url_of(take)).context
    first, second, *_ = page["sent"]

    send(
        browser,
        take,
        arranges=1,
        **{
            f"place-{first.kind}-{first.id}": 2,
            f"place-{second.kind}-{second.id}": 1,
            f"leave-{page['sent'][-1].kind}-{page['sent'][-1].id}": "on",
        },
    )

    [render] = queued(shot)
    assert [(each["kind"], each["id"]) for each in render.references][:2] == [
        (second.kind, second.id),
        (first.kind, first.id),
    ]
    assert ReferenceChoice.objects.filter(shot=shot, choice="left_out").count() == 1


def test_references_stay_as_they_are_where_nobody_touches_them(browser, shot, take):
    page = browser.get(url_of(take)).context

    places = {f"place-{each.kind}-{each.id}": each.place for each in page["sent"]}
    send(browser, take, arranges=1, **places)

    assert not ReferenceChoice.objects.filter(shot=shot).exists()
    assert queued(shot).get().references == take.references


def test_choices_for_references_that_the_page_does_not_show_stay(browser, shot, take):
    """A model sheet that was left out and whose picture is gone has no card."""
    Picture.objects.filter(path=SHEET).delete()
    ReferenceChoice.objects.create(
        shot=shot, kind="character", reference_id="ada", choice="left_out", position=1
    )
    page = browser.get(url_of(take)).context
    assert "ada" not in {each.id for each in (*page["sent"], *page["rest"])}
    first, second = page["sent"]

    places = {f"place-{first.kind}-{first.id}": 2, f"place-{second.kind}-{second.id}": 1}
    send(browser, take, arranges=1, **places)

    choices = dict(ReferenceChoice.objects.values_list("reference_id", "choice"))
    assert choices == {"ada": "left_out", first.id: "pinned", second.id: "pinned"}


def test_a_form_without_references_changes_no_choice(browser, shot, take):
    for each in browser.get(url_of(take)).context["sent"]:
        ReferenceChoice.objects.create(
            shot=shot, kind=each.kind, reference_id=each.id, choice="left_out", position=1
        )
    before = set(ReferenceChoice.objects.values_list("reference_id", "choice"))
    assert browser.get(url_of(take)).context["sent"] == []

    send(browser, take, words="No.")

    assert set(ReferenceChoice.objects.values_list("reference_id", "choice")) == before


@pytest.mark.parametrize("missing", ["videogen.generate_video", "videogen.review_video"])
def test_it_takes_both_rights(take, missing):
    browser = browser_of(*(each for each in JUDGE if each != missing))

    assert browser.get(url_of(take)).status_code == 403
    assert browser.post(url_of(take), {"verb": "queue"}).status_code == 403


def test_who_may_not_direct_can_still_retake(shot, take):
    browser = browser_of(*VIEWS, "videogen.generate_video", "videogen.review_video")

    send(browser, take, words="No.", direction="Smuggled in.")

    assert not Direction.objects.exists()
    assert queued(shot).exists()


def test_a_reason_that_is_none_is_refused(browser, shot, take):
    response = send(browser, take, reasons=["taste"])

    assert response.context["form"].errors
    assert not queued(shot).exists()
    assert RenderBatch.objects.count() == 1
