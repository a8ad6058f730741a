"""The preview of a shot: what would be sent, for people who may not spend."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.admin_clients import browser_of, producer, viewer
from tests.support.factories import PAYLOAD, make_shot, make_story, shots_of
from tests.support.pages import page_of
from tests.support.takes import make_take
from videogen.models import RenderBatch, Submission, VideoRender

pytestmark = pytest.mark.django_db


def preview_url(shot):
    return reverse("admin:videogen_takes_preview", args=[shot.pk])


def test_a_viewer_sees_what_would_be_sent_and_nothing_is_stored():
    line = {"type": "dialogue", "source": "ada", "line": "the lamp and the sea " * 30}
    shot = make_shot(payload={**PAYLOAD, "audioAndNarrative": [line]})

    response = viewer().get(preview_url(shot))

    page = page_of(response)
    row = response.context["each"].row
    assert response.status_code == 200
    assert page.hook("prompt").text.startswith('{ "global_aesthetic"')
    assert page.values("sent") == ["character", "environment", "key_frame"]
    assert all("/media/" in each.attributes["src"] for each in page.tags("img") if "alt" in each)
    assert len(page.hooks("part")) == 6
    assert [each.code for each in row.warnings] == ["speech_too_long"]
    assert any("150 words" in each for each in page.texts("warning"))
    assert "speech_too_long" not in page.text
    # Neither a form that arranges nor a button that spends.
    assert not [each for each in page.actions if "/videogen/" in each]
    for model in (RenderBatch, VideoRender, Submission):
        assert not model.objects.exists()


@pytest.mark.parametrize("profile", ["full", "lean"])
def test_the_profile_can_be_looked_at(profile):
    shot = make_shot()

    response = viewer().get(preview_url(shot), {"profile": profile})

    assert response.context["plan"].request.prompt_profile == profile


def test_a_shot_with_an_approved_take_and_an_impossible_one():
    shot = make_shot()
    make_take(shot, review="approved")
    assert page_of(viewer().get(preview_url(shot))).hook("prompt")

    shot.storyboard_payload = None
    shot.save()
    page = page_of(viewer().get(preview_url(shot)))
    assert page.texts("problem") == ["The shot has no storyboard payload."]
    assert not page.hooks("prompt")


def test_the_links_to_it():
    story = make_story()
    shot = shots_of(story).get()
    places = {
        "takes": reverse("admin:storybook_shot_takes", args=[shot.pk]),
        "board": reverse("admin:storybook_story_board", args=[story.pk]),
        "shots": reverse("admin:storybook_shot_changelist"),
        "form": reverse("admin:storybook_shot_change", args=[shot.pk]),
    }

    for place, address in places.items():
        assert preview_url(shot) in page_of(viewer().get(address)).links, place
    # Who may spend has the plan's button on the board.
    assert preview_url(shot) not in page_of(producer().get(places["board"])).links


def test_who_may_not_see_takes_may_not_see_it():
    shot = make_shot()

    assert browser_of("storybook.view_shot").get(preview_url(shot)).status_code == 403
    assert viewer().post(preview_url(shot)).status_code == 405
    assert viewer().get(preview_url(shot).replace(str(shot.pk), "999")).status_code == 404
