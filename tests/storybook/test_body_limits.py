from __future__ import annotations

import io
import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from storybook import body_limits
from storybook.models import DesignDocument, Scenelet, Shot
from tests.support.factories import make_shot

pytestmark = pytest.mark.django_db


class Body(io.BytesIO):
    """What a stranger sends; how much of it was read."""

    def read(self, *args):
        data = super().read(*args)
        self.taken = getattr(self, "taken", 0) + len(data)
        return data


def send(browser, address, size, **headers):
    body = Body(b"x" * size)
    response = browser.generic(
        "POST",
        address,
        b"",
        "multipart/form-data; boundary=x",
        **{"wsgi.input": body, "CONTENT_LENGTH": str(size), **headers},
    )
    return response, getattr(body, "taken", 0)


ADDRESSES = ["/admin/login/", "/admin/", "/", "/no/such/page/", "/events/video/", "/media/x.mp4"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_large_is_read_from_nobody(address):
    response, taken = send(Client(), address, body_limits.ANYBODY_BYTES + 1)

    assert response.status_code == 413
    assert taken == 0


def test_a_length_that_is_none_is_no_body():
    for text in ("", "x", "-5", "²", "9" * 400):
        response, _ = send(Client(), "/admin/login/", 0, CONTENT_LENGTH=text)
        assert response.status_code in (200, 302, 400), text


def test_nobody_pays_for_small_bodies_with_a_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        send(Client(), "/events/video/", 100)


def test_an_upload_after_the_session_leads_to_the_login(settings):
    shot = make_shot()
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = "an-old-one"
    address = reverse("admin:videogen_takes_upload", args=[shot.pk])

    response, taken = send(browser, address, 3 * 1024**2)

    takes = reverse("admin:storybook_shot_takes", args=[shot.pk])
    assert response.headers["Location"] == f"{reverse('admin:login')}?next={takes}"
    assert taken == 3 * 1024**2, "dropped as it comes"
    assert "nothing was done" in browser.get(response.headers["Location"]).text


def test_what_is_larger_than_anything_is_refused_with_a_page(settings, admin_client):
    settings.VIDEO_DOWNLOAD_MAX_BYTES = settings.STORY_ZIP_MAX_BYTES = 1
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.STORY_PICTURE_MAX_BYTES = 1

    response, taken = send(admin_client, "/admin/", 17 * 1024**2)

    assert (response.status_code, taken) == (413, 0)
    assert "data-too-large" in response.text


def test_a_large_design_document_is_saved(admin_client):
    document = DesignDocument.objects.filter(story=make_shot().scenelet.story).first()
    address = reverse("admin:storybook_designdocument_change", args=[document.pk])
    large = {"global_aesthetic": "ink and wash, " * 250_000}
    values = {"story": document.story_id, "kind": document.kind, "document": json.dumps(large)}

    page = admin_client.get(address)
    response = admin_client.post(address, values)

    assert 'enctype="multipart/form-data"' in page.text
    assert response.status_code == 302
    document.refresh_from_db()
    assert document.document == large


@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
def test_a_document_that_is_too_large_is_refused_with_a_page(settings, admin_client, encoding):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024**2
    document = DesignDocument.objects.filter(story=make_shot().scenelet.story).first()
    before = document.document
    address = reverse("admin:storybook_designdocument_change", args=[document.pk])
    values = {"story": document.story_id, "kind": document.kind, "document": "x" * 2 * 1024**2}

    if encoding == "multipart":
        response = admin_client.post(address, values)
    else:
        response = admin_client.post(
            address, urlencode(values), content_type="application/x-www-form-urlencoded"
        )

    assert response.status_code == 413
    assert "data-too-large" in response.text
    document.refresh_from_db()
    assert document.document == before


def test_1500_shots_are_deleted_at_once(admin_client):
    scenelet = make_shot().scenelet
    Shot.objects.bulk_create(
        Shot(scenelet=scenelet, shot_index=number, storyboard_payload={})
        for number in range(2, 1501)
    )
    pks = list(Shot.objects.values_list("pk", flat=True))
    values = {"action": "delete_selected", "_selected_action": pks, "post": "yes"}

    response = admin_client.post(reverse("admin:storybook_shot_changelist"), values, follow=True)

    assert response.status_code == 200
    assert Shot.objects.count() == 0
    assert Scenelet.objects.count() == 1
