"""A story comes in by a browser: upload, report, import."""

from __future__ import annotations

import io
import json
import os
import zipfile

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from storybook import bundle_uploads
from storybook.findings import FindingCode
from storybook.importer.skeleton import write_skeleton
from storybook.models import Story
from tests.support.pages import page_of

pytestmark = pytest.mark.django_db

PAGE = "admin:storybook_story_import"


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.STATE_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = tmp_path / "media"


def bundle(tmp_path, change=None):
    folder = tmp_path / "bundle"
    if not folder.exists():
        write_skeleton(folder, "the-boat", "The Boat")
    story = json.loads((folder / "story.json").read_text())
    if change:
        change(story)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("story.json", json.dumps(story))
        for path in (folder / "images").rglob("*.png"):
            archive.write(path, f"images/{path.relative_to(folder / 'images')}")
    return SimpleUploadedFile("bundle.zip", data.getvalue(), "application/zip")


def post(client, **fields):
    return client.post(reverse(PAGE), fields)


def waiting(settings):
    return list((settings.STATE_DIR / "imports").glob("*"))


def test_it_is_imported_after_a_look(admin_client, tmp_path, settings):
    looked = post(admin_client, bundle=bundle(tmp_path))

    assert looked.context["report"].story_id == "the-boat"
    assert looked.context["exists"] is False
    assert not Story.objects.exists()
    assert not list(settings.MEDIA_ROOT.rglob("*.png"))
    [file] = waiting(settings)
    assert file.parent.stat().st_mode & 0o077 == 0

    done = post(admin_client, token=looked.context["token"])

    story = Story.objects.get()
    assert done.headers["Location"] == reverse("admin:storybook_story_board", args=[story.pk])
    assert waiting(settings) == []


def test_a_story_that_is_there_is_brought_up_to_date(admin_client, tmp_path):
    post(admin_client, token=post(admin_client, bundle=bundle(tmp_path)).context["token"])

    def cut(story):
        story["title"] = "Another"
        story["scenelets"].pop()

    looked = post(admin_client, bundle=bundle(tmp_path, cut))

    assert looked.context["exists"] is True
    assert [str(each) for each in looked.context["report"].gone_shots] == ["S03-01 · The Way Home"]
    post(admin_client, token=looked.context["token"])
    assert Story.objects.get().title == "Another"


def test_problems_are_shown_and_nothing_is_kept(admin_client, tmp_path, settings):
    def break_it(story):
        del story["scenelets"][0]["sequence"]

    response = post(admin_client, bundle=bundle(tmp_path, break_it))

    assert response.context["problems"] == ("scenelets[0].sequence: missing",)
    assert "token" not in response.context
    assert waiting(settings) == []


def test_warnings_are_told_together_with_the_problems(admin_client, tmp_path):
    def break_it(story):
        del story["scenelets"][0]["sequence"]
        shot = story["scenelets"][1]["shots"][0]
        shot["storyboard"] = shot.pop("storyboard_payload")

    response = post(admin_client, bundle=bundle(tmp_path, break_it))

    assert response.context["problems"] == ("scenelets[0].sequence: missing",)
    [warning] = response.context["warnings"]
    assert (warning.place, warning.code) == (
        "scenelets[1].shots[0].storyboard",
        FindingCode.UNREAD_KEY.value,
    )


def test_warnings_that_the_page_does_not_list_are_counted(admin_client, tmp_path, monkeypatch):
    monkeypatch.setattr("storybook.import_page.MOST_LINES", 1)

    def warn(story):
        for shot in (scenelet["shots"][0] for scenelet in story["scenelets"]):
            shot["storyboard"] = shot["key_frame"] = "x"

    def break_it(story):
        warn(story)
        del story["scenelets"][0]["sequence"]

    for change in (warn, break_it):
        response = post(admin_client, bundle=bundle(tmp_path, change))

        [listed] = page_of(response).hooks("warnings")
        assert response.context["more_warnings"] == 1
        assert len([each for each in listed if each.tag == "li"]) == 2


def test_what_is_kept_and_read_by_nothing_is_named(admin_client, tmp_path):
    def add(story):
        story["visual_design_document"]["rating"] = "U"

    response = post(admin_client, bundle=bundle(tmp_path, add))

    [place] = response.context["report"].unread_keys
    assert place in page_of(response).hooks("unread-keys")[0].text


@pytest.mark.parametrize("data", [b"PK\x03\x04no zip", b"{}", b"x"])
def test_what_is_no_bundle_is_refused(admin_client, settings, data):
    response = post(admin_client, bundle=SimpleUploadedFile("a.zip", data))

    assert response.status_code == 200
    assert response.context["problems"]
    assert waiting(settings) == []


def test_a_zip_that_is_too_large_is_refused(admin_client, tmp_path, settings):
    settings.STORY_ZIP_MAX_BYTES = 100

    response = post(admin_client, bundle=bundle(tmp_path))

    assert response.context["form"].errors.as_data()["bundle"][0].code == "too_large"
    assert waiting(settings) == []


def test_a_bundle_is_discarded(admin_client, tmp_path, settings):
    token = post(admin_client, bundle=bundle(tmp_path)).context["token"]

    post(admin_client, token=token, discard="")

    assert waiting(settings) == []
    assert not Story.objects.exists()


@pytest.mark.parametrize("token", ["0" * 32, "../../db.sqlite3", "x", "\0"])
def test_a_token_of_nothing_imports_nothing(admin_client, token):
    response = post(admin_client, token=token)

    assert response.context["problems"] == ["The bundle is no longer here: upload it again."]


@pytest.mark.parametrize("more", [{}, {"discard": ""}])
def test_a_token_is_its_uploaders_alone(admin_client, client, tmp_path, settings, more):
    token = post(admin_client, bundle=bundle(tmp_path)).context["token"]
    other = get_user_model().objects.create_superuser("other")
    client.force_login(other)

    answer = post(client, token=token, **more)

    unknown = post(client, token="0" * 32, **more)
    assert answer.status_code == unknown.status_code
    if not more:
        assert answer.context["problems"] == unknown.context["problems"]
    assert len(waiting(settings)) == 1 and not Story.objects.exists()
    post(admin_client, token=token)
    assert Story.objects.exists()


def test_a_bundle_is_removed_after_a_day(admin_client, tmp_path, settings):
    post(admin_client, bundle=bundle(tmp_path))
    [old] = waiting(settings)
    os.utime(old, (0, 0))

    bundle_uploads.remove_old_bundles()

    assert waiting(settings) == []


def test_the_list_of_stories_leads_there(admin_client):
    response = admin_client.get(reverse("admin:storybook_story_changelist"))
    assert reverse(PAGE) in response.content.decode()
