"""What will be sent, beside the form of a shot: it follows what is typed, and writes nothing."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from storybook.models import Shot
from tests.support.admin_clients import browser_of, viewer
from tests.support.factories import State, make_render, make_shot
from tests.support.pages import page_of
from videogen.models import Direction, ReferenceChoice, RenderBatch, VideoRender
from videogen.planning.plan import plan_shots

pytestmark = pytest.mark.django_db

MAY_CHANGE = ("storybook.view_shot", "storybook.change_shot", "videogen.view_videorender")


def form_url(shot):
    return reverse("admin:storybook_shot_change", args=[shot.pk])


def preview_url(shot):
    return reverse("admin:storybook_shot_preview", args=[shot.pk])


def fields_of(shot, **typed):
    """What the tab “Fields” posts, with other texts in some fields."""
    payload = json.dumps(shot.storyboard_payload)
    named = {f"d/{name}": text for name, text in typed.items()}
    return {"tab": "fields", "storyboard_payload": payload, **named}


def prompt_of(page):
    return json.loads(page.hook("prompt").text)


def test_the_form_shows_what_a_plan_would_send():
    shot = make_shot()

    page = page_of(viewer().get(form_url(shot)))

    story = shot.scenelet.story
    [row] = plan_shots(story, Shot.objects.all(), RenderBatch.Mode.DRY_RUN).rows
    assert prompt_of(page) == row.prompt.document
    room = page.hook("room")
    assert (room["room"], room["limit"]) == (str(row.prompt.tokens), str(row.prompt.limit))
    assert page.values("sent") == ["ada", "attic", "1"]


def test_what_is_typed_is_previewed_and_nothing_is_written():
    shot = make_shot()
    before = list(Shot.objects.values())

    response = viewer().post(preview_url(shot), fields_of(shot, framingAndAngle="from below"))

    told = prompt_of(page_of(response))
    assert told["storyboard_payload"]["framingAndAngle"] == "from below"
    assert list(Shot.objects.values()) == before
    assert not VideoRender.objects.exists() and not RenderBatch.objects.exists()


def test_a_preview_that_is_shown_already_is_not_sent_again():
    shot = make_shot()
    browser = viewer()
    first = browser.post(preview_url(shot), fields_of(shot))

    again = browser.post(
        preview_url(shot), fields_of(shot), headers={"If-None-Match": first["ETag"]}
    )
    other = browser.post(
        preview_url(shot),
        fields_of(shot, framingAndAngle="wide"),
        headers={"If-None-Match": first["ETag"]},
    )

    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert again.content == b""


def test_the_references_follow_the_ticked_characters_and_the_choices():
    shot = make_shot()
    ReferenceChoice.objects.create(
        shot=shot, kind="environment", reference_id="attic", choice="left_out"
    )
    typed = fields_of(shot) | {"d/referencedDesigns/characters/shown": "1"}

    page = page_of(viewer().post(preview_url(shot), typed))

    assert prompt_of(page)["storyboard_payload"]["referencedDesigns"]["characters"] == []
    assert page.values("sent") == ["1"]


def test_what_the_quota_drops_is_named_with_its_reason(settings):
    shot = make_shot()
    [frame] = shot.key_frames.all()
    for number in (2, 3):
        picture = frame.picture
        picture.pk, picture.path, picture.sha256 = None, f"frame-{number}.png", str(number) * 64
        picture.save()
        shot.key_frames.create(position=number, picture=picture)

    page = page_of(viewer().get(form_url(shot)))

    assert page.values("sent") == ["ada", "attic", "1"]
    assert page.values("dropped") == ["2", "3"]
    assert page.texts("reason") == ["only 3 reference images can be sent"] * 2


def test_directions_and_the_instruction_are_in_it():
    shot = make_shot()
    Direction.objects.create(story=shot.scenelet.story, shot=shot, text="Slower.", position=1)

    told = prompt_of(page_of(viewer().post(preview_url(shot), fields_of(shot))))

    assert told["director_notes"] == ["Slower."]


@pytest.mark.parametrize("text", ["{", "7", "[]", '"a"', "NaN"])
def test_a_form_that_makes_no_sense_is_told_so(text):
    shot = make_shot()
    typed = {"tab": "json", "storyboard_payload": text}

    page = page_of(viewer().post(preview_url(shot), typed))

    assert "obstacle" in page and "prompt" not in page


@pytest.mark.parametrize("payload", [7, "text", ["a list"], None])
def test_a_stored_storyboard_that_is_none_has_a_page(payload):
    shot = make_shot()
    Shot.objects.update(storyboard_payload=payload)

    page = page_of(viewer().get(form_url(shot)))

    assert "obstacle" in page and "prompt" not in page


def test_a_story_without_documents_says_what_is_missing():
    shot = make_shot(visual=None)

    page = page_of(viewer().get(form_url(shot)))

    assert "obstacle" in page and "prompt" not in page


def test_the_button_previews_without_saving_and_keeps_the_version():
    shot = make_shot()
    browser = browser_of(*MAY_CHANGE)
    opened = page_of(browser.get(form_url(shot)))
    version = next(
        each.attributes["value"]
        for each in opened.tags("input")
        if each.attributes.get("name") == "form_version"
    )
    typed = fields_of(shot, framingAndAngle="close") | {
        "_preview": "1",
        "form_version": version,
        "scenelet": shot.scenelet_id,
        "shot_index": shot.shot_index,
    }

    response = browser.post(form_url(shot), typed)

    page = page_of(response)
    assert prompt_of(page)["storyboard_payload"]["framingAndAngle"] == "close"
    assert "unsaved" in page and response.status_code == 200
    shot.refresh_from_db()
    assert shot.storyboard_payload["framingAndAngle"] == "wide, low"


def test_the_preview_of_an_approved_shot_shows_what_would_be_sent():
    shot = make_shot()
    make_render(shot, State.DONE, review="approved")

    assert "prompt" in page_of(viewer().get(form_url(shot)))


def test_who_may_not_see_takes_sees_no_preview():
    shot = make_shot()
    browser = browser_of("storybook.view_shot")

    assert "preview" not in page_of(browser.get(form_url(shot)))
    assert browser.post(preview_url(shot), fields_of(shot)).status_code == 403
    assert viewer().get(preview_url(shot)).status_code == 405
    gone = reverse("admin:storybook_shot_preview", args=["999"])
    assert viewer().post(gone, fields_of(shot)).status_code == 404


def test_hostile_texts_are_escaped():
    shot = make_shot()

    response = viewer().post(preview_url(shot), fields_of(shot, framingAndAngle="<img src=x>"))

    assert "<img src=x>" not in response.content.decode()
