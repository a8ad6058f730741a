from __future__ import annotations

import html
import json
import re
from http import HTTPStatus

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from storybook.importer.story import import_story
from storybook.models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story
from tests.support.bundles import ATTIC, SHEET, pictures, scenelet, shot, story, write_bundle
from tests.support.pages import page_of

pytestmark = pytest.mark.django_db

PAYLOAD = {"z": "é 🦊 </textarea>", "a": {"nul": "\0", "order": [2, 1]}}


@pytest.fixture
def imported(tmp_path):
    images = pictures()
    del images[SHEET]
    document = story(
        scenelets=[
            scenelet(
                1, shots=[shot(1, storyboard_payload=PAYLOAD, key_frame_image_path=SHEET), shot(2)]
            ),
            scenelet(2, parent_scenelet_id="scenelet-1"),
        ]
    )
    import_story(write_bundle(tmp_path / "b", document, images))


def page(model, name, *arguments):
    return reverse(f"admin:storybook_{model._meta.model_name}_{name}", args=arguments)


def text_of(response, name):
    """What a text area of the page holds, as a browser would send it back."""
    area = re.search(
        rf'<textarea name="{name}"[^>]*>\r?\n?(.*?)</textarea>', response.text, re.DOTALL
    )
    return html.unescape(area.group(1))


ALL = [Story, DesignDocument, Scenelet, Shot, Picture]


@pytest.mark.parametrize("model", ALL)
def test_every_page_opens(admin_client, imported, model):
    rows = model.objects.all()
    urls = [page(model, "changelist"), page(model, "changelist") + "?q=scenelet"]
    urls += [page(model, "change", row.pk) for row in rows]
    if model is not Picture:
        urls += [page(model, "add"), page(model, "delete", rows[0].pk)]

    for url in urls:
        assert admin_client.get(url).status_code == HTTPStatus.OK, url


@pytest.mark.parametrize("model", ALL)
def test_lists_do_not_query_for_every_row(admin_client, imported, tmp_path, model):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            admin_client.get(page(model, "changelist"))
        return len(seen)

    queries()  # what is asked once in a process
    few = queries()
    more = story(scenelets=[scenelet(number) for number in range(1, 30)])
    import_story(write_bundle(tmp_path / "more", more))

    assert queries() <= few


def test_a_document_is_shown_indented_and_saved_as_it_is(admin_client, imported):
    row = Shot.objects.get(scenelet__scenelet_id="scenelet-1", shot_index=1)
    url = page(Shot, "change", row.pk)

    shown = text_of(admin_client.get(url, {"tab": "json"}), "storyboard_payload")
    assert shown == json.dumps(PAYLOAD, ensure_ascii=False, indent=2)

    answer = admin_client.post(url, shot_form(row, shown.replace("\n", "\r\n")))

    assert answer.status_code == HTTPStatus.FOUND
    row.refresh_from_db()
    assert json.dumps(row.storyboard_payload) == json.dumps(PAYLOAD)


def shot_form(row, text):
    return {
        "scenelet": row.scenelet_id,
        "shot_index": row.shot_index,
        "storyboard_payload": text,
        "key_frames-TOTAL_FORMS": 0,
        "key_frames-INITIAL_FORMS": 0,
        "reference_choices-TOTAL_FORMS": 0,
        "reference_choices-INITIAL_FORMS": 0,
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": }', "line 1 column 7"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": 1e999}', "too large"),
        (r'{"a": "\ud800"}', "half a character"),
        ("[1]", "has to be a JSON object"),
        ('{"a": ' * 2000, "nested deeper"),
    ],
)
def test_a_broken_document_comes_back_as_it_was_typed(admin_client, imported, text, complaint):
    row = Shot.objects.first()
    before = row.storyboard_payload

    answer = admin_client.post(page(Shot, "change", row.pk), shot_form(row, text))

    assert answer.status_code == HTTPStatus.OK
    [error] = answer.context["adminform"].form.errors["storyboard_payload"]
    assert complaint in error
    assert text_of(answer, "storyboard_payload") == text
    row.refresh_from_db()
    assert row.storyboard_payload == before


def test_an_emptied_payload_is_no_payload(admin_client, imported):
    row = Shot.objects.first()

    admin_client.post(page(Shot, "change", row.pk), shot_form(row, " "))

    row.refresh_from_db()
    assert row.storyboard_payload is None


def test_key_order_alone_is_a_change(admin_client, imported):
    row = DesignDocument.objects.get(kind="visual")
    reversed_document = dict(reversed(row.document.items()))

    answer = admin_client.post(
        page(DesignDocument, "change", row.pk),
        {"story": row.story_id, "kind": "visual", "document": json.dumps(reversed_document)},
    )

    assert answer.status_code == HTTPStatus.FOUND
    row.refresh_from_db()
    assert list(row.document) == list(reversed_document)
    history = admin_client.get(page(DesignDocument, "history", row.pk))
    assert "Changed Document" in history.text


def test_who_may_only_look_sees_json(client, django_user_model, imported):
    from django.contrib.auth.models import Permission

    viewer = django_user_model.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_designdocument"))
    client.force_login(viewer)

    answer = client.get(page(DesignDocument, "change", DesignDocument.objects.first().pk))

    shown = page_of(answer)
    assert shown.tags("textarea") == []
    assert any(each.text.startswith('{ "global_aesthetic": {') for each in shown.tags("pre"))


def test_a_story_can_be_deleted_with_its_pictures(admin_client, imported):
    url = page(Story, "delete", Story.objects.get().pk)

    answer = admin_client.post(url, {"post": "yes"})

    assert answer.status_code == HTTPStatus.FOUND
    assert not Picture.objects.exists() and not KeyFrame.objects.exists()


def test_pictures_are_read_only(admin_client, imported):
    picture = Picture.objects.get(path=SHEET)

    assert "no such file" in admin_client.get(page(Picture, "change", picture.pk)).text
    for name, arguments in {"add": [], "delete": [picture.pk]}.items():
        answer = admin_client.post(page(Picture, name, *arguments), {"post": "yes"})
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert (
        admin_client.post(page(Picture, "change", picture.pk), {}).status_code
        == HTTPStatus.FORBIDDEN
    )


def test_what_is_odd_about_a_picture_is_on_its_page_and_in_the_list(admin_client, imported):
    flaws = [{"code": "cmyk", "params": {}}, {"code": "turned", "params": {"how": "upside down"}}]
    picture = Picture.objects.get(path=ATTIC)
    Picture.objects.filter(pk=picture.pk).update(flaws=flaws)

    for url in (page(Picture, "change", picture.pk), page(Picture, "changelist")):
        text = page_of(admin_client.get(url)).text
        # The one test of these words.
        assert "The picture has the colours of print (CMYK)" in text
        assert "The picture is stored upside down" in text


@pytest.mark.parametrize(("usable", "count"), [("yes", 1), ("no", 1)])
def test_unusable_pictures_can_be_found(admin_client, imported, usable, count):
    answer = admin_client.get(page(Picture, "changelist"), {"usable": usable})

    assert answer.context["cl"].result_count == count


@pytest.mark.parametrize(
    ("parent", "code"),
    [("scenelet-2", "circle"), ("elsewhere", "invalid_choice")],
)
def test_a_scenelets_parent_is_checked(admin_client, imported, tmp_path, parent, code):
    other = story(story_id="other", scenelets=[scenelet(1, scenelet_id="elsewhere")])
    import_story(write_bundle(tmp_path / "other", other))
    row = Scenelet.objects.get(scenelet_id="scenelet-1")

    answer = admin_client.post(
        page(Scenelet, "change", row.pk),
        {
            "story": row.story_id,
            "scenelet_id": row.scenelet_id,
            "sequence": 1,
            "parent": Scenelet.objects.get(scenelet_id=parent).pk,
        },
    )

    [error] = answer.context["adminform"].form.errors.as_data()["parent"]
    assert error.code == code
