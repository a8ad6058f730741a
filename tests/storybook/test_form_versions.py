from __future__ import annotations

import json

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import reverse

from storybook.form_versions import VersionedForms
from storybook.models import DesignDocument, Shot
from tests.support.factories import make_shot, picture_bytes
from videogen.models import Budget, ReferenceChoice, StorySettings, VideoModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def shot():
    return make_shot()


@pytest.fixture
def document(shot):
    return DesignDocument.objects.get(story=shot.scenelet.story, kind="visual")


def address(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def opened(browser, row):
    """What the browser would post from the page of the row, unchanged."""
    context = browser.get(address(row)).context
    values = {"form_version": context["form_version"]}
    forms = [context["adminform"].form]
    for each in context["inline_admin_formsets"]:
        forms += [each.formset.management_form, *each.formset.initial_forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is not None and value is not False:
                values[bound.html_name] = value
    return values


def is_refused(response):
    return response.status_code == 200 and "stale_form" in response.context


def test_a_sheet_that_was_uploaded_meanwhile_is_not_undone(admin_client, shot, document):
    story = shot.scenelet.story
    form = opened(admin_client, document)
    typed = json.loads(form["document"]) | {"global_aesthetic": "My new words."}
    form["document"] = json.dumps(typed, indent=2)
    design = document.document["character_designs"][0]["character_id"]
    upload = {
        "kind": "character",
        "id": design,
        "picture": SimpleUploadedFile("sheet.png", picture_bytes("red")),
    }
    admin_client.post(reverse("admin:storybook_story_pictures", args=[story.pk]), upload)
    document.refresh_from_db()
    uploaded = document.document

    response = admin_client.post(address(document), form)

    document.refresh_from_db()
    assert document.document == uploaded
    assert uploaded["character_designs"][0]["character_model_sheet_image_path"].startswith(
        "uploads"
    )
    assert is_refused(response)
    assert "My new words." in response.content.decode()
    [difference] = response.context["stale_form"].differences
    assert any(line.startswith("-") and "uploads/" in line for line in difference.lines)
    assert any(line.startswith("+") and "My new words." in line for line in difference.lines)


def test_a_second_save_replaces_on_purpose(admin_client, document):
    form = opened(admin_client, document) | {"document": '{"global_aesthetic": "mine"}'}
    DesignDocument.objects.filter(pk=document.pk).update(document={"global_aesthetic": "theirs"})
    response = admin_client.post(address(document), form)
    form["form_version"] = response.context["form_version"]

    response = admin_client.post(address(document), form)

    assert response.status_code == 302
    document.refresh_from_db()
    assert document.document == {"global_aesthetic": "mine"}


def test_the_same_old_form_is_refused_again(admin_client, document):
    form = opened(admin_client, document)
    DesignDocument.objects.filter(pk=document.pk).update(document={"a": 1})

    assert is_refused(admin_client.post(address(document), form))
    assert is_refused(admin_client.post(address(document), form))


def test_a_form_with_another_error_does_not_become_newer(admin_client, document):
    form = opened(admin_client, document) | {"document": "{no JSON"}
    response = admin_client.post(address(document), form)
    assert not is_refused(response)
    DesignDocument.objects.filter(pk=document.pk).update(document={"a": 1})

    form |= {"document": "{}", "form_version": response.context["form_version"]}

    assert is_refused(admin_client.post(address(document), form))


@pytest.mark.parametrize("version", ["", "{", "[]", '{"document": "0"}', "null"])
def test_a_version_that_is_none_is_an_old_one(admin_client, document, version):
    form = opened(admin_client, document) | {"form_version": version}

    assert is_refused(admin_client.post(address(document), form))


def test_what_nobody_changed_is_saved(admin_client, document):
    form = opened(admin_client, document) | {"document": '{"global_aesthetic": "mine"}'}

    assert admin_client.post(address(document), form).status_code == 302
    document.refresh_from_db()
    assert document.document == {"global_aesthetic": "mine"}


def rows():
    """A row of every model that people change, and another change of it."""
    shot = make_shot()
    story, scenelet = shot.scenelet.story, shot.scenelet
    budget = Budget.objects.create(scope="overall", limit_usd=5)
    choice = ReferenceChoice.objects.create(
        shot=shot, kind="key_frame", reference_id="1", choice="leave_out"
    )
    return {
        "story": (story, lambda: change(story, title="theirs")),
        "scenelet": (scenelet, lambda: change(scenelet, title="theirs")),
        "shot": (shot, lambda: change(shot, storyboard_payload={"theirs": 1})),
        "document": (
            story.design_documents.first(),
            lambda: change(story.design_documents.first(), document={"theirs": 1}),
        ),
        "budget": (budget, lambda: change(budget, limit_usd=7)),
        "choice": (choice, lambda: change(choice, choice="pin")),
        "model": (
            VideoModel.objects.first(),
            lambda: change(VideoModel.objects.first(), source="x"),
        ),
        # what the pages of a story and a shot have besides
        "options": (
            story,
            lambda: StorySettings.objects.update_or_create(story=story, defaults={"seed": 7}),
        ),
        "pins": (shot, lambda: change(choice, choice="pin")),
    }


def change(row, **values):
    type(row).objects.filter(pk=row.pk).update(**values)


@pytest.mark.parametrize(
    "name",
    ["story", "scenelet", "shot", "document", "budget", "choice", "model", "options", "pins"],
)
def test_every_form_notices_a_change(admin_client, name):
    row, change_it = rows()[name]
    form = opened(admin_client, row)
    change_it()

    response = admin_client.post(address(row), form)

    assert is_refused(response), response.status_code


def test_every_row_that_can_be_changed_is_guarded():
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.create_superuser("root")
    admins = [
        each
        for model, each in admin.site._registry.items()
        if model._meta.app_label in ("storybook", "videogen")
        and each.has_change_permission(request)
    ]

    assert {Shot, DesignDocument, Budget} <= {each.model for each in admins}
    assert [each for each in admins if not isinstance(each, VersionedForms)] == []
