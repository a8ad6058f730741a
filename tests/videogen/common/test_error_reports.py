from __future__ import annotations

import logging
import re

import pytest
from django.test import Client, RequestFactory
from django.urls import path
from django.views.debug import get_exception_reporter_filter

# In parts: a debug page shows the lines of the source, too.
PASSWORD = "-".join(("a", "password", "of", "a", "database"))
ADDRESS = f"postgres://videogen:{PASSWORD}@db.example:5432/videogen"


def break_down(request):
    where = ADDRESS
    raise RuntimeError(f"no use for {len(where)} characters")


urlpatterns = [path("break/", break_down)]


@pytest.fixture
def debugging(settings, caplog):
    settings.ROOT_URLCONF = __name__
    settings.DEBUG = True
    settings.VIDEO_OF_ANOTHER = {"LOCATION": [ADDRESS.replace("postgres", "redis")]}
    caplog.set_level(logging.CRITICAL, "django")
    return Client(raise_request_exception=False)


@pytest.mark.django_db
@pytest.mark.parametrize("page", [{"path": "/break/"}, {"path": "/", "HTTP_HOST": "evil.example"}])
def test_a_debug_page_shows_no_password_of_an_address(page, debugging):
    response = debugging.get(**page, DATABASE_URL=ADDRESS, VIDEO_QUEUE_REDIS_URL=ADDRESS)

    assert response.status_code in (400, 500)
    assert PASSWORD not in response.text
    assert "videogen:[secret]@db.example" in response.text


def test_the_filter_is_used():
    used = get_exception_reporter_filter(RequestFactory().get("/"))

    assert used.cleanse_setting("X", {"a": [ADDRESS]}) == {
        "a": ["postgres://videogen:[secret]@db.example:5432/videogen"]
    }
    assert used.cleanse_setting("X", 7) == 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        ({"path": "/no-such-page/"}, 404),
        ({"path": "/admin/", "HTTP_HOST": "evil.example"}, 400),
        ({"path": "/break/"}, 500),
    ],
)
def test_without_debug_mode_the_pages_are_our_own(request_of, status, settings, caplog):
    caplog.set_level(logging.CRITICAL, "django")
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    if status == 500:
        settings.ROOT_URLCONF = __name__

    response = Client(raise_request_exception=False).get(**request_of)

    assert response.status_code == status
    assert f'data-error-page="{status}"' in response.text
    assert re.search(r'href="/static/videogen/admin\.css"', response.text)
    assert PASSWORD not in response.text and "Traceback" not in response.text
