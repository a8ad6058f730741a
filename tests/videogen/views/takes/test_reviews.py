"""The buttons of a shot's takes: what each does, who may press it, and what the log keeps."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import CHANGE, LogEntry, LogEntryManager
from django.contrib.messages import get_messages
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from tests.support.admin_clients import VIEWS, browser_of
from tests.support.factories import State, make_render, make_story, shots_of
from tests.support.pages import levels, page_of
from videogen.models import VideoRender
from videogen.recovery.decisions import allow_new_render
from videogen.views.components.urls import decide_url

pytestmark = pytest.mark.django_db

REVIEW = "videogen.review_video"
GENERATE = "videogen.generate_video"

VERBS = {
    "select": REVIEW,
    "approve": REVIEW,
    "unlock": REVIEW,
    "reject": REVIEW,
    "undo": REVIEW,
    "look-again": GENERATE,
    "allow-new": GENERATE,
    "take-back": GENERATE,
    "attach-link": GENERATE,
    "resume": GENERATE,
    "cancel": GENERATE,
    "give-up": GENERATE,
    "generate": GENERATE,
    "upload": REVIEW,
}


@pytest.fixture
def shots():
    return list(shots_of(make_story(shots=2)).select_related("scenelet__story"))


@pytest.fixture
def shot(shots):
    return shots[0]


@pytest.fixture
def browser():
    return browser_of(*VIEWS, REVIEW, GENERATE, username="ida")


def takes_url(shot):
    return reverse("admin:storybook_shot_takes", args=[shot.pk])


def url_of(render, verb):
    if verb == "upload":
        return reverse("admin:videogen_takes_upload", args=[render.shot_id])
    if verb == "generate":
        return reverse("admin:videogen_takes_generate", args=[render.shot_id, render.pk])
    return reverse("admin:videogen_takes_act", args=[render.shot_id, render.pk, verb])


def told(response):
    [message] = get_messages(response.wsgi_request)
    return str(message)


def logged():
    return list(LogEntry.objects.order_by("pk").values_list("action_flag", "change_message"))


# -- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_button_asks_for_its_own_permission(shot, verb):
    render = make_render(shot, State.DONE)
    everything = {*VIEWS, REVIEW, GENERATE}

    for missing in (VERBS[verb], "storybook.view_shot", "videogen.view_videorender"):
        response = browser_of(*everything - {missing}).post(url_of(render, verb), {"reason": "no"})

        assert response.status_code == 403, missing
    render.refresh_from_db()
    assert (render.state, render.review) == (State.DONE, "unreviewed")
    assert VideoRender.objects.count() == 1
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
def test_strangers_are_sent_to_the_login(client, shot, verb):
    response = client.post(url_of(make_render(shot, State.DONE), verb))

    assert response.url.startswith("/admin/login/")


@pytest.mark.parametrize("verb", VERBS)
def test_other_sites_cannot_press(browser, shot, verb):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies

    assert strict.post(url_of(make_render(shot, State.DONE), verb)).status_code == 403


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "generate"])
def test_following_a_link_changes_nothing(browser, shot, verb):
    assert browser.get(url_of(make_render(shot, State.DONE), verb)).status_code == 405


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "upload"])
def test_render_of_another_shot_is_not_found(browser, shots, verb):
    render = make_render(shots[1], State.DONE)
    render.shot_id = shots[0].pk

    assert browser.post(url_of(render, verb)).status_code == 404


def test_unknown_verbs_and_shots_are_not_found(browser, shot):
    render = make_render(shot, State.DONE)

    assert browser.post(url_of(render, "delete")).status_code == 404
    assert browser.post("/admin/videogen/videorender/shots/999/upload/").status_code == 404


@pytest.mark.parametrize(
    ("permissions", "offered", "missing"),
    [
        ((), (), ("/select/", "/reject/", "/generate/", "/upload/")),
        ((REVIEW,), ("/select/", "/approve/", "/reject/", "/upload/"), ("/generate/",)),
        ((GENERATE,), ("/generate/",), ("/select/", "/reject/", "/upload/")),
    ],
)
def test_what_one_may_not_do_is_not_offered(shot, permissions, offered, missing):
    make_render(shot, State.DONE)

    page = page_of(browser_of(*VIEWS, *permissions).get(takes_url(shot)))

    found = " ".join([*page.actions, *page.links])
    assert all(each in found for each in offered)
    assert not any(each in found for each in missing)


# -- reviewing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "verb", "after", "words"),
    [
        ("unreviewed", "select", "selected", "Take 1 is selected"),
        ("rejected", "select", "selected", "Take 1 is selected"),
        ("unreviewed", "approve", "approved", "Take 1 is approved"),
        ("selected", "approve", "approved", "Take 1 is approved"),
        ("approved", "unlock", "selected", "Take 1 is unlocked"),
        ("selected", "reject", "rejected", "Take 1 is rejected"),
        ("selected", "undo", "unreviewed", "Take 1 is unreviewed again"),
        ("rejected", "undo", "unreviewed", "Take 1 is unreviewed again"),
    ],
)
def test_review(browser, shot, before, verb, after, words):
    render = make_render(shot, State.DONE, review=before)

    response = browser.post(url_of(render, verb), {"reason": "Too dark."})

    render.refresh_from_db()
    assert response.url == f"{takes_url(shot)}#render-{render.pk}"
    assert render.review == after
    assert render.review_reason == ("Too dark." if verb == "reject" else "")
    assert words in told(response)
    [(flag, entry)] = logged()
    assert flag == CHANGE and words in entry


@pytest.mark.parametrize(
    ("review", "verb"), [("approved", "reject"), ("approved", "undo"), ("selected", "unlock")]
)
def test_refused_review_is_explained_and_not_logged(browser, shot, review, verb):
    render = make_render(shot, State.DONE, review=review)

    response = browser.post(url_of(render, verb), {"reason": "no"})

    render.refresh_from_db()
    assert render.review == review
    assert levels(response) == ["warning"]
    assert logged() == []


def test_a_rejection_may_go_without_a_reason_but_not_with_an_unknown_one(browser, shot):
    render = make_render(shot, State.DONE)
    unknown = browser.post(url_of(render, "reject"), {"reasons": ["taste"]})
    render.refresh_from_db()
    assert (render.review, levels(unknown)) == ("unreviewed", ["warning"])

    browser.post(url_of(render, "reject"), {"reason": "  "})

    render.refresh_from_db()
    assert (render.review, render.review_reason, render.review_reasons) == ("rejected", "", "")


def test_locked_shot_offers_to_unlock_and_another_approval(browser, shot):
    approved = make_render(shot, State.DONE, review="approved")
    other = make_render(shot, State.DONE)

    page = page_of(browser.get(takes_url(shot)))

    assert url_of(approved, "unlock") in page.actions
    assert "locked" in page.hook("render", str(other.pk))
    assert url_of(other, "approve") in page.actions
    for render, verb in ((approved, "reject"), (other, "select")):
        assert url_of(render, verb) not in page.actions
    assert not any("/generate/" in each for each in page.links)


def test_a_take_is_approved_instead_of_the_one_that_the_page_names(browser, shot):
    approved = make_render(shot, State.DONE, review="approved")
    other = make_render(shot, State.DONE)
    page = page_of(browser.get(takes_url(shot)))
    [named] = [
        each.attributes["value"]
        for each in page.tags("input")
        if each.attributes.get("name") == "instead_of"
    ]

    browser.post(url_of(other, "approve"), {"instead_of": named})

    for render in (approved, other):
        render.refresh_from_db()
    assert (approved.review, other.review) == ("unreviewed", "approved")


@pytest.mark.parametrize("named", ["", "nonsense", "{draft}"])
def test_an_approval_that_the_page_does_not_name_stays(browser, shot, named):
    draft = make_render(shot, State.DONE)
    approved = make_render(shot, State.DONE, review="approved")
    other = make_render(shot, State.DONE)

    response = browser.post(url_of(other, "approve"), {"instead_of": named.format(draft=draft.pk)})

    assert told(response) == "Take 2 is approved: unlock it first."
    for render in (approved, other):
        render.refresh_from_db()
    assert (approved.review, other.review) == ("approved", "unreviewed")


@pytest.mark.parametrize(
    ("following", "leads_back"),
    [("/admin/somewhere/?a=1&b=2", True), ("https://evil.example/", False), ("//evil", False)],
)
def test_it_goes_back_to_where_it_was_pressed(browser, shot, following, leads_back):
    render = make_render(shot, State.DONE)

    response = browser.post(url_of(render, "select"), {"next": following})

    assert (response.url == following) is leads_back
    assert leads_back or response.url.startswith(takes_url(shot))


# -- renders that wait for a decision ------------------------------------------------------------


def test_unknown_outcome_asks_for_a_decision(browser, shot):
    nameless = make_render(shot, State.UNKNOWN)
    named = make_render(shot, State.UNKNOWN, operation_name="operations/7")

    page = page_of(browser.get(takes_url(shot)))
    seen = page_of(browser_of(*VIEWS).get(takes_url(shot)))

    assert len(page.hooks("decide")) == len(seen.hooks("decide")) == 2
    assert url_of(named, "look-again") in page.actions
    assert url_of(nameless, "look-again") not in page.actions
    assert decide_url("allow-new", [nameless.pk]) in page.links
    assert decide_url("allow-new", [nameless.pk]) not in seen.links
    assert url_of(nameless, "attach-link") in page.actions
    assert url_of(nameless, "attach-link") not in seen.actions
    assert decide_url("give-up", [nameless.pk]) not in page.links


def test_interrupted_render_can_be_resumed_or_given_up(browser, shot):
    render = make_render(shot, State.INTERRUPTED)

    page = page_of(browser.get(takes_url(shot)))

    assert url_of(render, "resume") in page.actions
    assert decide_url("give-up", [render.pk]) in page.links
    assert decide_url("allow-new", [render.pk]) not in page.links


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        (State.UNKNOWN, "look-again", State.RUNNING),
        (State.UNKNOWN, "attach-link", State.DOWNLOADING),
        (State.NOT_DOWNLOADED, "attach-link", State.DOWNLOADING),
        (State.INTERRUPTED, "resume", State.RUNNING),
        (State.NOT_DOWNLOADED, "resume", State.DOWNLOADING),
    ],
)
def test_decision(browser, shot, before, verb, after):
    render = make_render(shot, before, operation_name="models/veo/operations/1")

    response = browser.post(url_of(render, verb), {"link": "https://videos.example/7.mp4"})

    render.refresh_from_db()
    assert render.state == after
    assert response.url == f"{takes_url(shot)}#render-{render.pk}"
    assert levels(response) == ["success"]
    assert logged() == [(CHANGE, told(response))]
    assert VideoRender.objects.count() == 1
    if verb == "attach-link":
        assert render.download_uri == "https://videos.example/7.mp4"


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        (State.UNKNOWN, "look-again"),
        (State.UNKNOWN, "resume"),
        (State.UNKNOWN, "attach-link"),
        (State.UNKNOWN, "take-back"),
        (State.CANCELLED, "take-back"),
        (State.DONE, "look-again"),
        (State.DONE, "resume"),
        (State.FAILED, "resume"),
        (State.RUNNING, "resume"),
        (State.REHEARSED, "resume"),
    ],
)
def test_decision_on_what_does_not_wait_changes_nothing(browser, shot, state, verb):
    render = make_render(shot, state)

    response = browser.post(url_of(render, verb))

    render.refresh_from_db()
    assert render.state == state
    assert told(response)
    assert logged() == []
    assert VideoRender.objects.count() == 1


@pytest.mark.parametrize("verb", ["allow-new", "give-up"])
def test_one_click_does_not_decide_about_money(browser, shot, verb):
    render = make_render(shot, State.UNKNOWN)

    response = browser.post(url_of(render, verb), {"next": "/admin/"})

    render.refresh_from_db()
    assert render.state == State.UNKNOWN
    assert response.url == decide_url(verb, [render.pk], "/admin/")
    assert logged() == []


def test_what_was_given_up_can_be_taken_back(browser, shot):
    render = make_render(shot, State.NOT_DOWNLOADED, error_code="http_500", error_message="Away.")
    allow_new_render(render, by="ida")
    assert url_of(render, "take-back") in page_of(browser.get(takes_url(shot))).actions

    browser.post(url_of(render, "take-back"))

    render.refresh_from_db()
    assert (render.state, render.error_code, render.error_message) == (
        State.NOT_DOWNLOADED,
        "http_500",
        "Away.",
    )
    assert url_of(render, "take-back") not in page_of(browser.get(takes_url(shot))).actions


def test_forgotten_render_is_resumed(browser, shot):
    render = make_render(shot, State.RUNNING, touched_ago=31)
    page = page_of(browser.get(takes_url(shot)))

    browser.post(url_of(render, "resume"))

    render.refresh_from_db()
    assert url_of(render, "resume") in page.actions
    assert decide_url("give-up", [render.pk]) not in page.links
    assert render.status == State.RUNNING


@pytest.mark.parametrize("verb", ["select", "approve"])
def test_nothing_changes_without_its_entry_in_the_log(browser, shot, monkeypatch, verb):
    render = make_render(shot, State.DONE)

    def refuse(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr(LogEntryManager, "log_actions", refuse)
    with pytest.raises(OperationalError):
        browser.post(url_of(render, verb))

    render.refresh_from_db()
    assert render.review == "unreviewed"
