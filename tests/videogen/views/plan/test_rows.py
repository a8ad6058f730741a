from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from storybook.models import KeyFrame, Picture
from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.drafts import look, make_draft, make_shots, plan_url
from tests.support.factories import make_picture
from videogen.models import ReferenceChoice

pytestmark = pytest.mark.django_db

ARRANGE = ("storybook.change_shot", "videogen.change_referencechoice")


# -- a row, and its references ---------------------------------------------------------------------


def row_url(draft, shot):
    return reverse("admin:videogen_renderbatch_plan_row", args=[draft.pk, shot.pk])


def arrange(browser, draft, shot, act, kind, reference_id, **values):
    url = reverse("admin:videogen_renderbatch_plan_reference", args=[draft.pk, shot.pk])
    form = {"act": act, "kind": kind, "id": reference_id, "mode": "default"}
    return browser.post(url, form | values)


def sent(browser, draft, shot):
    """Kind and id of what is sent, in order."""
    page = browser.get(row_url(draft, shot), {"part": 1}).content.decode()
    page = page.split("Not sent")[0]
    return re.findall(r"<strong>\d</strong> [a-z ]*?(character|environment|key frame) <bdi>", page)


def artist():
    return browser_of(*VIEWS, *ARRANGE)


def test_a_row_unfolds_to_prompt_references_and_what_was_dropped():
    shots = make_shots(1)
    picture = make_picture(shots[0].scenelet.story, "frame-2.png")
    KeyFrame.objects.create(shot=shots[0], position=2, picture=picture)
    draft = make_draft(shots)
    browser = viewer()

    plan = look(browser, draft).content.decode()
    part = browser.get(row_url(draft, shots[0]), {"part": 1}).content.decode()
    page = browser.get(row_url(draft, shots[0])).content.decode()

    assert "critical_instruction" not in plan and row_url(draft, shots[0]) in plan
    for text in (part, page):
        assert "critical_instruction" in text
        assert "model sheet of character <bdi>ada</bdi>" in text
        assert "only 3 reference images can be sent" in text
        assert 'name="act"' not in text
    assert "<html" not in part and "<html" in page


def test_row_of_a_shot_that_is_not_in_the_plan_is_not_found():
    draft = make_draft(make_shots(1))
    other = make_shots(1)[0]
    browser = browser_of(*VIEWS, *ARRANGE)

    assert browser.get(row_url(draft, other)).status_code == 404
    assert arrange(browser, draft, other, "pin", "character", "ada").status_code == 404
    assert not ReferenceChoice.objects.exists()


def test_references_are_pinned_moved_and_left_out():
    shot = make_shots(1)[0]
    draft = make_draft([shot])
    browser = artist()
    assert sent(browser, draft, shot) == ["character", "environment", "key frame"]

    arrange(browser, draft, shot, "up", "key_frame", "1")
    assert sent(browser, draft, shot) == ["character", "key frame", "environment"]

    arrange(browser, draft, shot, "up", "key_frame", "1")
    assert sent(browser, draft, shot) == ["key frame", "character", "environment"]

    arrange(browser, draft, shot, "leave_out", "character", "ada")
    assert sent(browser, draft, shot) == ["key frame", "environment"]

    arrange(browser, draft, shot, "use", "character", "ada")
    arrange(browser, draft, shot, "unpin", "key_frame", "1")
    assert sent(browser, draft, shot) == ["character", "environment", "key frame"]
    assert not ReferenceChoice.objects.exists()


def test_a_pinned_reference_goes_along_where_the_quota_dropped_it():
    shot = make_shots(1)[0]
    for position in (2, 3):
        picture = make_picture(shot.scenelet.story, f"frame-{position}.png")
        KeyFrame.objects.create(shot=shot, position=position, picture=picture)
    draft = make_draft([shot])
    browser = artist()

    for number in ("3", "2", "1"):
        arrange(browser, draft, shot, "pin", "key_frame", number)
    arrange(browser, draft, shot, "pin", "environment", "attic")

    assert sent(browser, draft, shot) == ["key frame", "key frame", "environment"]


def test_arranging_comes_back_to_the_unfolded_row_and_is_logged():
    shot = make_shots(1)[0]
    draft = make_draft([shot])
    browser = artist()

    response = arrange(browser, draft, shot, "pin", "character", "ada", mode="override")
    page = browser.get(response.url).content.decode()

    assert response.url == f"{plan_url(draft)}?mode=override&open={shot.pk}#shot-{shot.pk}"
    assert "<details open>" in page and "critical_instruction" in page
    assert LogEntry.objects.get().get_edited_object() == shot
    response = arrange(browser, draft, shot, "unpin", "character", "ada", back="row")
    assert response.url == f"{row_url(draft, shot)}?mode=default"


@pytest.mark.parametrize(
    ("act", "kind", "reference_id"),
    [
        ("pin", "character", "nobody"),
        ("pin", "soundtrack", "ada"),
        ("burn", "character", "ada"),
        ("up", "character", "ada"),
    ],
)
def test_what_cannot_be_arranged_changes_nothing(act, kind, reference_id):
    shot = make_shots(1)[0]
    draft = make_draft([shot])

    assert arrange(artist(), draft, shot, act, kind, reference_id).status_code == 302
    assert not ReferenceChoice.objects.exists()


def test_arranging_is_for_people_who_may_change_shots():
    shot = make_shots(1)[0]
    draft = make_draft([shot])

    for browser in (producer(), browser_of(*VIEWS, ARRANGE[0]), browser_of(*ARRANGE)):
        assert arrange(browser, draft, shot, "pin", "character", "ada").status_code == 403
    assert not ReferenceChoice.objects.exists()


def test_a_missing_picture_is_warned_of_and_shown_in_the_row():
    shot = make_shots(1)[0]
    Picture.objects.filter(path__contains="model-sheet").update(
        file="", problem="The file is missing."
    )
    draft = make_draft([shot])
    browser = artist()

    assert "is left out: The file is missing." in look(browser, draft).content.decode()
    part = browser.get(row_url(draft, shot), {"part": 1}).content.decode()
    assert "<bdi>The file is missing.</bdi>" in part.split("Not sent")[1]
