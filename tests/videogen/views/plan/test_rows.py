from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from storybook.models import KeyFrame, Picture
from tests.support.admin_clients import VIEWS, browser_of, producer, viewer
from tests.support.drafts import look, make_draft, make_shots, plan_url
from tests.support.factories import make_picture
from tests.support.pages import page_of, told
from videogen.models import ReferenceChoice
from videogen.models.render_warnings import WarningCode

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
    """The kinds of what is sent, in order."""
    return page_of(browser.get(row_url(draft, shot), {"part": 1})).values("sent")


def artist():
    return browser_of(*VIEWS, *ARRANGE)


def test_a_row_unfolds_to_prompt_references_and_what_was_dropped():
    shots = make_shots(1)
    picture = make_picture(shots[0].scenelet.story, "frame-2.png")
    KeyFrame.objects.create(shot=shots[0], position=2, picture=picture)
    draft = make_draft(shots)
    browser = viewer()

    plan = page_of(look(browser, draft))
    part = page_of(browser.get(row_url(draft, shots[0]), {"part": 1}))
    page = page_of(browser.get(row_url(draft, shots[0])))

    [unfold] = plan.values("load")
    assert unfold.startswith(row_url(draft, shots[0])) and "prompt" not in plan
    for each in (part, page):
        assert "critical_instruction" in each.hook("prompt").text
        assert each.values("sent") == ["character", "environment", "key_frame"]
        assert each.values("not-sent") == ["key_frame"]
        assert "act" not in each.fields
    assert not part.tags("html") and page.tags("html")


def test_the_row_says_what_is_sent_and_why_the_rest_is_not():
    shots = make_shots(1)
    picture = make_picture(shots[0].scenelet.story, "frame-2.png")
    KeyFrame.objects.create(shot=shots[0], position=2, picture=picture)
    draft = make_draft(shots)

    text = told(viewer().get(row_url(draft, shots[0])))

    assert "Sent, in this order 1 model sheet of character ada" in text
    assert "only 3 reference images can be sent" in text
    assert "Exact prompt about" in text


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
    assert sent(browser, draft, shot) == ["character", "environment", "key_frame"]

    arrange(browser, draft, shot, "up", "key_frame", "1")
    assert sent(browser, draft, shot) == ["character", "key_frame", "environment"]

    arrange(browser, draft, shot, "up", "key_frame", "1")
    assert sent(browser, draft, shot) == ["key_frame", "character", "environment"]

    arrange(browser, draft, shot, "leave_out", "character", "ada")
    assert sent(browser, draft, shot) == ["key_frame", "environment"]

    arrange(browser, draft, shot, "use", "character", "ada")
    arrange(browser, draft, shot, "unpin", "key_frame", "1")
    assert sent(browser, draft, shot) == ["character", "environment", "key_frame"]
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

    assert sent(browser, draft, shot) == ["key_frame", "key_frame", "environment"]


def test_arranging_comes_back_to_the_unfolded_row_and_is_logged():
    shot = make_shots(1)[0]
    draft = make_draft([shot])
    browser = artist()

    response = arrange(browser, draft, shot, "pin", "character", "ada", mode="override")
    page = page_of(browser.get(response.url))

    assert response.url == f"{plan_url(draft)}?mode=override&open={shot.pk}#shot-{shot.pk}"
    opened = page.hook("shot", str(shot.pk))
    assert any("open" in each.attributes for each in opened.tags("details"))
    assert "critical_instruction" in opened.hook("prompt").text
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

    response = look(browser, draft)
    [row] = response.context["page"].plan.rows
    assert [each.code for each in row.warnings] == [WarningCode.REFERENCE_LEFT_OUT]
    assert str(row.warnings[0]) in page_of(response).texts("warning")
    part = page_of(browser.get(row_url(draft, shot), {"part": 1}))
    [missing] = [each for each in part.hooks("not-sent") if each["not-sent"] == "character"]
    assert missing.hook("reason").text == "The file is missing."
