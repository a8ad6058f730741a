from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.support.admin_clients import browser_of
from tests.support.api import Program, make_person, problem, program
from tests.support.factories import make_story
from videogen.models import ApiToken

pytestmark = pytest.mark.django_db


def test_a_token_opens_the_api():
    make_story()

    response = program(scope="read").get("/stories")

    assert response.status_code == 200
    assert [each["story_id"] for each in response.json()["items"]] == ["the-lamp"]
    assert response["Cache-Control"] == "no-store"
    assert ApiToken.objects.get().last_used_at


@pytest.mark.parametrize(
    "changes",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"user__is_active": False},
        {"user__is_staff": False},
    ],
)
def test_a_token_that_has_ended_opens_nothing(changes):
    asks = program()
    token = ApiToken.objects.get()
    for name, value in changes.items():
        row, _, column = name.rpartition("__")
        target = token.user if row else token
        setattr(target, column, value)
        target.save()

    assert problem(asks.get("/stories")) == (401, "no_token")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer vg_wrong", "Basic dXNlcjpwYXNz", "vg_x", "Bearer ü"]
)
def test_without_a_token_the_way_is_told(header):
    response = Program("").get("/stories", Authorization=header)

    assert problem(response) == (401, "no_token")
    assert response["WWW-Authenticate"] == "Bearer"


def test_only_its_hash_is_stored():
    asks = program()

    row = ApiToken.objects.values().get()

    assert asks.token not in json.dumps(row, default=str)
    assert asks.token.startswith("vg_") and len(asks.token) >= 46


def test_a_cookie_opens_nothing_and_none_is_set():
    browser = browser_of(is_superuser=True)
    browser.cookies["csrftoken"] = "odd"

    for method in ("get", "post"):
        response = getattr(browser, method)("/api/v1/stories")
        assert response.status_code in (401, 405)
        assert not response.cookies and "Cookie" not in response.headers.get("Vary", "")


def test_a_token_needs_no_csrf_token():
    from django.test import Client

    make_story()
    asks = program()
    asks.client = Client(enforce_csrf_checks=True)

    assert asks.post("/plans", {"story_id": "the-lamp"}).status_code == 200


def test_a_token_opens_no_page():
    token = program("superuser").token
    response = Program(token).client.get("/admin/", headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 302


# -- the command -----------------------------------------------------------------------------------


def test_the_command_prints_a_token_once(capsys):
    make_person("producer", username="rosa")

    call_command("api_token", "pipeline", scope="spend", user="rosa", days=7)

    told = capsys.readouterr()
    [secret] = told.out.split()
    assert secret not in told.err and "rosa" in told.err
    token = ApiToken.objects.find_valid(secret)
    assert (token.name, token.scope, token.user.username) == ("pipeline", "spend", "rosa")
    assert timedelta(days=6.9) < token.expires_at - timezone.now() < timedelta(days=7.1)


def test_the_command_speaks_json(capsys):
    make_person("superuser", username="root")

    call_command("api_token", "pipeline", json=True)

    told = json.loads(capsys.readouterr().out)
    assert told.keys() == {"name", "user", "scope", "expires_at", "token"}
    assert (told["user"], told["scope"]) == ("root", "read")


@pytest.mark.parametrize(
    "options",
    [
        {"user": "nobody"},
        {"user": "guest"},
        {},
        {"user": "rosa", "days": 0},
        {"user": "rosa", "days": 10_000},
    ],
)
def test_the_command_refuses_what_makes_no_sense(options):
    make_person("producer", username="rosa")
    make_person("guest", username="guest", is_staff=False)

    with pytest.raises(CommandError) as error:
        call_command("api_token", "pipeline", **options)

    assert error.value.returncode == 2
    assert not ApiToken.objects.exists()


def test_the_command_revokes(capsys):
    person = make_person("producer", username="rosa")
    asks = program(person=person)

    call_command("api_token", "pipeline", user="rosa", revoke=True)

    assert asks.get("/stories").status_code == 401
    with pytest.raises(CommandError) as error:
        call_command("api_token", "pipeline", user="rosa", revoke=True)
    assert error.value.returncode == 1


# -- the admin -------------------------------------------------------------------------------------

ADD = "/admin/videogen/apitoken/add/"


def test_a_superuser_makes_a_token_for_somebody_and_sees_it_once():
    person = make_person()
    browser = browser_of(is_superuser=True)

    response = browser.post(
        ADD, {"user": person.pk, "name": "pipeline", "scope": "review", "days": 30}, follow=True
    )

    token = ApiToken.objects.get()
    assert (token.user, token.scope, token.name) == (person, "review", "pipeline")
    secret = response.text.partition("<code>")[2].partition("</code>")[0]
    assert ApiToken.objects.find_valid(secret) == token
    page = browser.get(f"/admin/videogen/apitoken/{token.pk}/change/").text
    assert secret not in page and token.token_sha256 not in page


def test_whoever_may_make_tokens_makes_them_for_nobody_else():
    browser = browser_of("videogen.add_apitoken", "videogen.view_apitoken")
    other = program("superuser")

    browser.post(ADD, {"user": other.client, "name": "mine", "scope": "spend", "days": 30})

    token = ApiToken.objects.get(name="mine")
    assert token.user.username.startswith("user-")
    assert "pipeline" not in browser.get("/admin/videogen/apitoken/").text


def test_tokens_are_revoked_in_the_list():
    asks = program()
    token = ApiToken.objects.get()
    browser = browser_of(is_superuser=True)

    browser.post("/admin/videogen/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})

    assert asks.get("/stories").status_code == 401
    token.refresh_from_db()
    assert token.revoked_at
