from __future__ import annotations

from http import HTTPStatus

import pytest

from tests.support.admin_clients import producer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/admin/", HTTPStatus.OK),
        ("/admin/storybook/shot/", HTTPStatus.OK),
        ("/admin/storybook/picture/", HTTPStatus.FORBIDDEN),
        ("/", HTTPStatus.FOUND),
        ("/media/missing.mp4", HTTPStatus.NOT_FOUND),
        ("/missing", HTTPStatus.NOT_FOUND),
    ],
)
def test_every_answer_carries_the_policy(url, status):
    response = producer().get(url)

    assert response.status_code == status
    assert response["Content-Security-Policy"] == POLICY
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_strangers_get_it_too(client):
    assert client.get("/admin/login/")["Content-Security-Policy"] == POLICY


def test_debug_pages_keep_their_own_styles(client, settings):
    settings.DEBUG = True

    missing = client.get("/missing")

    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert "Content-Security-Policy" not in missing
    assert client.get("/admin/login/")["Content-Security-Policy"] == POLICY
