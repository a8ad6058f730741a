from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import resolve, reverse

from storybook.models import DesignDocument
from tests.support.admin_urls import addresses, person
from tests.support.all_states import make_everything
from tests.support.factories import State, make_render, make_shot
from tests.support.pages import codes, messages, page_of
from tests.support.permission_table import BUTTON, PAGES
from videogen.models import VideoRender

pytestmark = pytest.mark.django_db


@pytest.fixture
def render():
    return make_render(make_shot(), State.DONE)


@pytest.fixture
def browser():
    """Of somebody whose session has ended."""
    get_user_model().objects.create_superuser("root", password="a good password")
    return Client()


def act(render, verb):
    return reverse("admin:videogen_takes_act", args=[render.shot_id, render.pk, verb])


def takes_page(render):
    return reverse("admin:storybook_shot_takes", args=[render.shot_id])


def log_in(browser, response):
    """Fill in the login form that the answer leads to, and follow where it leads."""
    form = browser.get(response.headers["Location"])
    following = re.search(r'name="next" value="([^"]*)"', form.text)[1].replace("&amp;", "&")
    values = {"username": "root", "password": "a good password", "next": following}
    return form, browser.post(reverse("admin:login"), values, follow=True)


@pytest.mark.parametrize(
    ("verb", "values"),
    [
        ("approve", {}),
        ("reject", {"reason": "dark"}),
        ("reject", {"reason": "The whale is <b>too dark</b>."}),
        ("attach-link", {"link": "https://a.example/x.mp4"}),
    ],
)
def test_a_button_after_the_session(browser, render, verb, values):
    response = browser.post(act(render, verb), values)

    form, page = log_in(browser, response)

    assert page.redirect_chain[-1][0] == takes_page(render)
    assert page.status_code == 200
    assert codes(page) == ["ended_session"]
    asked, [answered] = page_of(form).hook("session-ended").text, messages(page)
    for typed in values.values():
        assert typed in asked and typed in answered
    assert "too dark</b>" not in form.text + page.text, "what was typed is no markup"
    render.refresh_from_db()
    assert render.review == "unreviewed"
    assert codes(browser.get(takes_page(render))) == [], "it is told once"


def test_the_words_of_the_login_form_and_of_the_message(browser, render):
    form, page = log_in(browser, browser.post(act(render, "reject"), {"reason": "dark"}))

    words = "Your session had ended: nothing was done. You had typed as reason: “dark”."
    assert page_of(form).hook("session-ended").text == words
    assert messages(page) == [words]


def test_an_upload_after_the_session(browser, render):
    address = reverse("admin:videogen_takes_upload", args=[render.shot_id])
    file = SimpleUploadedFile("cut.mp4", b"x" * 5_000)

    _, page = log_in(browser, browser.post(address, {"video": file}))

    assert page.redirect_chain[-1][0] == takes_page(render)
    assert codes(page) == ["ended_session"]
    assert VideoRender.objects.count() == 1


def test_the_page_that_the_form_names_is_the_page(browser, render):
    board = reverse("admin:storybook_story_board", args=[render.shot.scenelet.story_id])

    _, page = log_in(browser, browser.post(act(render, "approve"), {"next": f"{board}?a=1"}))
    assert page.redirect_chain[-1][0] == f"{board}?a=1"


def test_nobody_is_led_elsewhere(browser, render):
    response = browser.post(act(render, "approve"), {"next": "https://evil.example/"})

    assert "evil" not in response.headers["Location"]


def test_every_button_leads_back_to_a_page(browser):
    world = make_everything()
    root = person("superuser")
    buttons = [
        address
        for address in addresses(world)
        if PAGES.get(resolve(urlsplit(address).path).route, ("",))[0] == BUTTON
    ]

    for address in buttons:
        response = browser.post(address)
        [page] = parse_qs(urlsplit(response.headers["Location"]).query)["next"]
        assert root.get(page, follow=True).status_code == 200, address
    assert len(buttons) > 20


def test_what_is_too_long_for_a_cookie_is_shown_at_once(browser, render):
    document = DesignDocument.objects.first()
    address = reverse("admin:storybook_designdocument_change", args=[document.pk])
    typed = '{"global_aesthetic": "' + "many words " * 500 + '"}'

    response = browser.post(address, {"document": typed})

    page = page_of(response)
    assert "session-ended" in page
    assert page.hook("typed", "document").text == " ".join(typed.split())
    login = page.hook("login").attributes["href"]
    assert parse_qs(urlsplit(login).query) == {"next": [address]}


def test_a_password_is_not_repeated(browser):
    address = reverse("admin:auth_user_add")
    values = {"username": "new", "password1": "correct horse battery", "password2": "a b c"}

    form, page = log_in(browser, browser.post(address, values))

    assert "horse" not in form.text + page.text


def test_a_cookie_of_somebody_elses_making_says_nothing(admin_client):
    admin_client.cookies["ended_session"] = '{"reason": "click here"}'

    assert "click here" not in admin_client.get(reverse("admin:index")).text


def test_who_only_looks_is_told_nothing(browser):
    response = browser.get(reverse("admin:index"))

    assert "ended_session" not in response.cookies


def test_logging_out_twice_is_no_loss(browser):
    assert "ended_session" not in browser.post(reverse("admin:logout")).cookies


# -- with the tokens of the forms (CSRF), as a browser has them ------------------------------------


@pytest.fixture
def strict():
    """A browser that has logged in, and whose forms need their tokens."""
    get_user_model().objects.create_superuser("root", password="a good password")
    browser = Client(enforce_csrf_checks=True)
    log_in_again(browser)
    return browser


def token(response):
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.text)[1]


def log_in_again(browser):
    values = {"username": "root", "password": "a good password"}
    values["csrfmiddlewaretoken"] = token(browser.get(reverse("admin:login")))
    assert browser.post(reverse("admin:login"), values).status_code == 302


def rejection(browser, render):
    return {
        "csrfmiddlewaretoken": token(browser.get(takes_page(render))),
        "reason": "too dark",
    }


def test_an_expired_session_with_a_token(strict, render):
    form = rejection(strict, render)
    Session.objects.all().delete()

    response = strict.post(act(render, "reject"), form)
    log_in_again(strict)

    assert response.headers["Location"].endswith(f"?next={takes_page(render)}")
    page = strict.get(takes_page(render))
    assert codes(page) == ["ended_session"]
    assert "too dark" in messages(page)[0]


@pytest.mark.parametrize(
    ("origin", "is_told"), [("http://testserver", True), ("http://a.b", False)]
)
def test_a_page_from_before_the_last_login(strict, render, origin, is_told):
    form = rejection(strict, render)
    Session.objects.all().delete()
    log_in_again(strict)

    response = strict.post(act(render, "reject"), form, headers={"Origin": origin})

    assert response.status_code == 403
    page = page_of(response)
    assert ("session-ended" in page) is is_told
    assert page.texts("typed") == (["too dark"] if is_told else [])
    assert [each.attributes["href"] for each in page.hooks("page")] == (
        [takes_page(render)] if is_told else []
    )
    render.refresh_from_db()
    assert render.review == "unreviewed"
