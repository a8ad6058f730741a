from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from storybook.importer.story import import_story
from storybook.models import DesignDocument, KeyFrame, Picture, Shot, Story
from storybook.thumbnails import thumbnail_name, thumbnail_url
from tests.support.admin_clients import BAR_QUERIES, browser_of
from tests.support.bundles import KEY_FRAME, SHEET, picture, story, visual_design, write_bundle
from tests.support.pages import levels, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported(tmp_path):
    import_story(write_bundle(tmp_path / "bundle"))
    return Story.objects.get()


@pytest.fixture
def editor():
    return browser_of(
        "storybook.change_story",
        "storybook.change_designdocument",
        "storybook.change_shot",
        "storybook.view_picture",
        "videogen.view_videorender",
    )


def upload(data=None, name="sheet.png"):
    return SimpleUploadedFile(name, picture("purple") if data is None else data)


def pictures_of(story):
    return reverse("admin:storybook_story_pictures", args=[story.pk])


def send(browser, story, kind="character", each="ada", file=None):
    values = {"kind": kind, "id": each, "picture": upload() if file is None else file}
    return browser.post(pictures_of(story), values)


def visual(story):
    return DesignDocument.objects.get(story=story, kind="visual").document


# -- the designs of a story


def test_the_page_shows_each_design_with_its_picture_or_its_problem(editor, tmp_path):
    broken = {SHEET: b"GIF89a", KEY_FRAME: picture()}
    import_story(write_bundle(tmp_path / "bundle", images=broken))
    row = Story.objects.get()
    document = DesignDocument.objects.get(story=row, kind="visual")
    document.document["character_designs"] += [
        {"character_name": "Old Mentor"},
        {"character_id": "ada", "character_name": "Twice"},
        {"look": "nameless"},
        "no design",
    ]
    document.save()

    response = editor.get(pictures_of(row))

    page = page_of(response)
    assert page.values("design") == ["character ada", "character old-mentor", "environment attic"]
    assert len(page.hook("design", "character ada").hooks("remark")) == 1
    for each in page.hooks("design"):
        assert "picture" in each.fields
    # The one test of what the page says.
    for words in (
        "GIF file whatever its name says",
        "There is no model sheet yet.",
        "These pictures are sent with the prompts of the shots that name the design.",
    ):
        assert words in response.text


def errors_of(response):
    """What the page of the pictures says of what was sent."""
    rows = response.context["rows"]
    found = [each for row in rows for each in row["errors"]] + response.context["other_errors"]
    assert len(page_of(response).hooks("error")) == len(found)
    return found


def test_an_uploaded_picture_takes_the_old_ones_place(editor, imported, media):
    before = visual(imported)
    old = Picture.objects.get(path=SHEET)

    response = send(editor, imported)

    assert response.status_code == HTTPStatus.FOUND and response.url == pictures_of(imported)
    new = Picture.objects.get(path__startswith="uploads/characters/ada/")
    assert (media / new.file).read_bytes() == picture("purple")
    assert (new.mime_type, new.width, new.height, new.problem) == ("image/png", 16, 9, "")
    expected = json.loads(json.dumps(before))
    expected["character_designs"][0]["character_model_sheet_image_path"] = new.path
    assert json.dumps(visual(imported)) == json.dumps(expected)
    # What earlier renders were made from stays.
    assert Picture.objects.get(path=SHEET).file == old.file and (media / old.file).exists()
    assert (media / thumbnail_name(new.file)).is_file()
    response = editor.get(pictures_of(imported))
    row = page_of(response).hook("design", "character ada")
    assert [each.attributes["src"] for each in row.tags("img")] == [thumbnail_url(new)]
    assert "success" in levels(response)


def test_an_uploaded_picture_is_used_as_reference(editor, imported):
    from videogen.prompts.references import StoredPicture, list_candidates

    send(editor, imported, "environment", "attic", upload(picture("white", kind="JPEG"), "x.png"))

    new = Picture.objects.get(path__startswith="uploads/environments/attic/")
    assert (new.mime_type, new.path[-4:]) == ("image/jpeg", ".jpg")
    stored = StoredPicture(new.path, new.file, new.mime_type, new.byte_size, new.sha256)
    payload = {"referencedDesigns": {"environments": ["attic"]}}
    candidates, warnings = list_candidates(visual(imported), payload, [], {new.path: stored})
    assert [each.picture for each in candidates] == [stored] and warnings == []


def test_the_upload_is_in_the_storys_history(editor, imported):
    send(editor, imported)

    (entry,) = LogEntry.objects.all()
    assert entry.get_edited_object() == imported
    assert entry.get_change_message() == "Uploaded the model sheet of character ada."


def test_the_same_picture_twice_is_one_picture(editor, imported):
    send(editor, imported)
    send(editor, imported)

    assert Picture.objects.filter(path__startswith="uploads/").count() == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"GIF89a", "This is a GIF file whatever its name says."),
        (picture()[:-20], "damaged or cut short"),
        (picture(size=(30, 30)), "more than 0.0005 million"),
        (b"\x89PNG" + b"x" * 2000, "larger than 0.001907 MB"),
        (b"", "The submitted file is empty."),
    ],
)
def test_a_picture_that_cannot_be_used_changes_nothing(
    editor, imported, media, settings, data, sentence
):
    settings.STORY_PICTURE_MAX_BYTES = 2000
    settings.STORY_PICTURE_MAX_PIXELS = 500
    before = visual(imported)

    response = send(editor, imported, file=upload(data))

    assert response.status_code == HTTPStatus.OK
    [error] = errors_of(response)
    assert sentence in error
    assert visual(imported) == before
    assert not Picture.objects.filter(path__startswith="uploads/").exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kind": "character", "id": "nobody"}, "no design of character nobody any more"),
        ({"kind": "shot", "id": "ada"}, "pictures of characters and of environments only"),
        ({"kind": "character", "id": "ada", "picture": ""}, "Choose a picture."),
    ],
)
def test_an_upload_without_a_place_is_refused(editor, imported, values, sentence):
    response = editor.post(pictures_of(imported), {"picture": upload(), **values})

    assert response.status_code == HTTPStatus.OK
    assert any(sentence in each for each in errors_of(response))
    assert not LogEntry.objects.exists()


def test_ids_are_no_paths(editor, tmp_path, media):
    design = {"character_id": "../../etc/✨", "character_name": "<b>"}
    document = story(visual_design_document=visual_design(character_designs=[design]))
    import_story(write_bundle(tmp_path / "bundle", document))
    row = Story.objects.get()

    send(editor, row, each=design["character_id"])

    assert "<b>" not in editor.get(pictures_of(row)).text
    new = Picture.objects.get(path__startswith="uploads/")
    assert (media / new.file).resolve().is_relative_to(media / "my-story/pictures")


def test_a_story_without_designs(editor):
    row = Story.objects.create(story_id="empty", title="Empty")

    assert "no-design" in page_of(editor.get(pictures_of(row)))
    assert len(send(editor, row).context["other_errors"]) == 1


def test_who_may_see_and_who_may_upload(client, imported):
    viewer = browser_of("storybook.view_story")

    page = viewer.get(pictures_of(imported))
    assert page.status_code == HTTPStatus.OK and "picture" not in page_of(page).fields
    assert send(viewer, imported).status_code == HTTPStatus.FORBIDDEN
    halves = (
        ("storybook.change_story", "storybook.view_designdocument"),
        (
            "storybook.view_story",
            "storybook.change_designdocument",
        ),
    )
    for half in halves:
        page = browser_of(*half).get(pictures_of(imported))
        assert page.status_code == HTTPStatus.OK and "picture" not in page_of(page).fields
        assert send(browser_of(*half), imported).status_code == HTTPStatus.FORBIDDEN
    other = browser_of("storybook.change_shot")
    assert other.get(pictures_of(imported)).status_code == HTTPStatus.FORBIDDEN
    assert send(other, imported).status_code == HTTPStatus.FORBIDDEN
    assert client.get(pictures_of(imported)).status_code == HTTPStatus.FOUND
    assert not Picture.objects.filter(path__startswith="uploads/").exists()


def test_the_storys_page_leads_there(editor, imported):
    page = page_of(editor.get(reverse("admin:storybook_story_change", args=[imported.pk])))

    assert pictures_of(imported) in page.links


def test_the_page_asks_the_database_a_fixed_number_of_times(
    editor, tmp_path, django_assert_max_num_queries
):
    designs = [{"character_id": f"c{number}"} for number in range(50)]
    document = story(visual_design_document=visual_design(character_designs=designs))
    import_story(write_bundle(tmp_path / "bundle", document))

    with django_assert_max_num_queries(8 + BAR_QUERIES):
        editor.get(pictures_of(Story.objects.get()))


# -- a shot's key frames


@pytest.fixture
def shot(imported):
    return Shot.objects.get(scenelet__scenelet_id="scenelet-1", shot_index=1)


def form_of(shot, *rows, new=()):
    """What the shot's page sends: a dict for each key frame in order, then the new ones."""
    found = list(shot.key_frames.all())
    values = {
        "scenelet": shot.scenelet_id,
        "shot_index": shot.shot_index,
        "storyboard_payload": json.dumps(shot.storyboard_payload),
        "reference_choices-TOTAL_FORMS": 0,
        "reference_choices-INITIAL_FORMS": 0,
        "key_frames-TOTAL_FORMS": len(found) + len(new),
        "key_frames-INITIAL_FORMS": len(found),
    }
    for number, each in enumerate([*found, *[None] * len(new)]):
        fields = {"id": each.pk, "place": each.position} if each else {}
        fields |= {"shot": shot.pk}
        fields |= (rows[number] if number < len(rows) else {}) if each else new[number - len(found)]
        values |= {f"key_frames-{number}-{name}": value for name, value in fields.items()}
    return values


def save(browser, shot, *rows, new=()):
    """Return what was wrong with the key frames; nothing if they were saved."""
    url = reverse("admin:storybook_shot_change", args=[shot.pk])
    response = browser.post(url, form_of(shot, *rows, new=new))
    if response.status_code == HTTPStatus.OK:
        sets = [inline.formset for inline in response.context["inline_admin_formsets"]]
        forms = [errors for each in sets for errors in each.errors]
        return [text for errors in forms for wrong in errors.values() for text in wrong]
    assert response.status_code == HTTPStatus.FOUND
    return []


def colours(shot, media):
    """The key frames in order, each as its stored bytes' hash."""
    rows = shot.key_frames.order_by("position")
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    return [row.picture.sha256[:8] for row in rows]


def test_key_frames_are_added_replaced_ordered_and_removed(editor, shot, media):
    (first,) = colours(shot, media)

    save(editor, shot, new=[{"upload": upload()}, {"upload": upload(picture("white"))}])
    one, two, three = colours(shot, media)
    assert one == first
    assert shot.key_frames.last().picture.path.startswith("uploads/shots/scenelet-1/shot-1/")

    save(editor, shot, {}, {}, {"place": 1})
    assert colours(shot, media) == [three, one, two]

    save(editor, shot, {"place": 3})
    assert colours(shot, media) == [one, two, three]

    save(editor, shot, {"place": 2}, {"place": 1})
    assert colours(shot, media) == [two, one, three]

    save(editor, shot, {}, {"upload": upload(picture("black"))})
    assert [colours(shot, media)[0], colours(shot, media)[2]] == [two, three]
    assert colours(shot, media)[1] not in (one, two, three)

    save(editor, shot, {"DELETE": "on"}, new=[{"upload": upload(), "place": 1}])
    assert colours(shot, media)[2] == three
    assert KeyFrame.objects.filter(shot=shot).count() == 3

    save(editor, shot, {"DELETE": "on"}, {"DELETE": "on"}, {"DELETE": "on"})
    assert colours(shot, media) == []
    # A render that was made from it can still show it.
    assert Picture.objects.filter(path=KEY_FRAME).exists()


def test_a_save_without_changes_leaves_the_key_frames_alone(editor, shot):
    KeyFrame.objects.update(position=7)

    save(editor, shot)

    assert KeyFrame.objects.get().position == 7


def test_the_history_tells_of_key_frames(editor, shot):
    save(editor, shot, new=[{"upload": upload()}])

    assert "Added key frame" in LogEntry.objects.get().get_change_message()


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ({"upload": upload(b"BM")}, "This is a BMP file whatever its name says."),
        ({"place": 1}, "Choose a picture."),
        ({"upload": upload(), "place": 0}, "greater than or equal to 1"),
    ],
)
def test_a_broken_key_frame_changes_nothing(editor, shot, media, new, sentence):
    before = colours(shot, media)

    wrong = save(editor, shot, {"DELETE": "on"}, new=[new])

    assert any(sentence in each for each in wrong)
    assert colours(shot, media) == before


def test_the_shots_page_shows_its_key_frames(editor, shot):
    url = reverse("admin:storybook_shot_change", args=[shot.pk])

    browser = browser_of("storybook.view_shot", "storybook.view_keyframe")
    for each, may in ((editor, True), (browser, False)):
        page = page_of(each.get(url))
        sources = [image.attributes.get("src") for image in page.tags("img")]
        assert thumbnail_url(shot.key_frames.get().picture) in sources
        assert ("key_frames-0-upload" in page.fields) is may
        files = [field for field in page.tags("input") if field.attributes.get("type") == "file"]
        assert bool(files) is may
        if may:
            kinds = [form.attributes.get("enctype") for form in page.tags("form")]
            assert "multipart/form-data" in kinds


def test_who_may_not_change_the_shot_may_not_change_its_key_frames(shot):
    browser = browser_of("storybook.view_shot", "storybook.add_keyframe", "storybook.view_keyframe")
    url = reverse("admin:storybook_shot_change", args=[shot.pk])

    response = browser.post(url, form_of(shot, {"DELETE": "on"}, new=[{"upload": upload()}]))

    assert response.status_code == HTTPStatus.FORBIDDEN
    assert KeyFrame.objects.count() == 1


@pytest.mark.parametrize(
    ("group", "may"), [("viewer", False), ("artist", True), ("producer", True)]
)
def test_which_groups_may_upload_pictures_of_designs(imported, group, may):
    user = get_user_model().objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(user)

    assert ("picture" in page_of(browser.get(pictures_of(imported))).fields) is may
    assert send(browser, imported).status_code == (HTTPStatus.FOUND if may else 403)
