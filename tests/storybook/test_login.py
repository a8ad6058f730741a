from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone

from storybook.login import client_address

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
RIGHT, WRONG = "a long and right one", "a wrong one"


@pytest.fixture(autouse=True)
def person():
    return get_user_model().objects.create_user("mira", password=RIGHT, is_staff=True)


def try_with(password, browser=None, name="mira", **headers):
    return (browser or Client()).post(
        LOGIN, {"username": name, "password": password, "next": "/admin/"}, **headers
    )


def fail(times, **options):
    return [try_with(WRONG, **options).status_code for _ in range(times)]


def test_after_ten_wrong_passwords_the_right_one_has_to_wait():
    assert fail(9) == [200] * 9

    last, right = try_with(WRONG), try_with(RIGHT)

    assert (last.status_code, right.status_code) == (429, 429)
    assert right["Retry-After"] == "900"
    assert 'data-login-wait="15"' in right.text and "videogen/admin.css" in right.text
    assert "Content-Security-Policy" in right.headers
    assert Client().get(LOGIN).status_code == 200, "another person may look"


def test_the_wait_ends_and_does_not_grow_meanwhile():
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        fail(10)
    with time_machine.travel(now + timedelta(minutes=14), tick=False):
        assert fail(3) == [429] * 3
    with time_machine.travel(now + timedelta(minutes=15, seconds=1), tick=False):
        assert try_with(RIGHT).status_code == 302


def test_the_right_password_starts_the_count_anew():
    fail(9)

    assert try_with(RIGHT).status_code == 302
    assert fail(9) == [200] * 9


def test_neither_another_name_nor_another_address_has_to_wait():
    get_user_model().objects.create_user("ada", password=RIGHT, is_staff=True)
    fail(10)

    assert try_with(RIGHT, name="ada").status_code == 302
    assert try_with(RIGHT, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_another_browser_does_not_help():
    fail(10)

    assert try_with(RIGHT, HTTP_USER_AGENT="another").status_code == 429
    assert try_with(RIGHT, HTTP_X_FORWARDED_FOR="203.0.113.9").status_code == 429


def test_whoever_is_logged_in_goes_on():
    browser = Client()
    browser.force_login(get_user_model().objects.get())
    fail(10)

    assert browser.get("/admin/").status_code == 200


def test_an_administrator_ends_the_wait_in_the_admin():
    fail(10)
    admin = Client()
    admin.force_login(get_user_model().objects.create_superuser("root"))
    [attempt] = AccessAttempt.objects.all()

    page = admin.get("/admin/axes/accessattempt/")
    admin.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})

    assert "mira" in page.text
    assert try_with(RIGHT).status_code == 302


def test_a_command_ends_the_wait():
    fail(10)

    call_command("axes_reset_username", "mira", verbosity=0)

    assert try_with(RIGHT).status_code == 302


def test_no_password_is_kept():
    fail(2)

    assert WRONG not in str(AccessAttempt.objects.values())


@pytest.mark.parametrize(
    ("proxies", "passed", "counts"),
    [
        (0, "198.51.100.1", "10.0.0.1"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        (2, "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "198.51.100.1", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_whose_address_counts(proxies, passed, counts, settings):
    """What a client writes itself into the header does not count."""
    settings.DJANGO_PROXIES = proxies
    request = RequestFactory().get(LOGIN, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=passed)

    assert client_address(request) == counts
