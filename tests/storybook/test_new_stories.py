"""A story that is begun here, and what becomes of it."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path

import pytest
from django.urls import reverse
from jsonschema import Draft202012Validator

import storybook
from storybook.importer.bundles import read_bundle
from storybook.importer.skeleton import blank_documents, blank_entries
from storybook.importer.story import import_story
from storybook.models import DesignDocument, Scenelet, Shot, Story
from tests.support.admin_clients import BAR_QUERIES
from tests.support.bundles import scenelet, story, write_bundle
from tests.support.named_fields import named

pytestmark = pytest.mark.django_db

SCHEMA = json.loads((Path(storybook.__file__).parent / "bundle.schema.json").read_text())
NO_INLINES = {
    f"{each}-{name}_FORMS": 0
    for each in ("key_frames", "reference_choices")
    for name in ("TOTAL", "INITIAL")
}


def begin(browser, title, **values):
    return browser.post(reverse("admin:storybook_story_add"), {"title": title, **values})


def add(browser, model, **values):
    response = browser.post(reverse(f"admin:storybook_{model._meta.model_name}_add"), values)
    return response, model.objects.order_by("-pk").first()


def as_bundle(row):
    """The story as its story.json would be."""
    documents = {each.kind: each.document for each in row.design_documents.all()}
    return {
        "story_id": row.story_id,
        "title": row.title,
        "visual_design_document": documents["visual"],
        "audio_design_document": documents["audio"],
        "scenelets": [
            {
                "scenelet_id": each.scenelet_id,
                "sequence": each.sequence,
                "title": each.title,
                "description": each.description,
                "parent_scenelet_id": each.parent and each.parent.scenelet_id,
                "choice_label": each.choice_label,
                "is_terminal": each.is_terminal,
                "shots": [
                    {
                        "shot_index": shot.shot_index,
                        "storyboard_payload": shot.storyboard_payload,
                    }
                    for shot in each.shots.all()
                ],
            }
            for each in row.scenelets.all()
        ],
    }


def test_a_title_makes_a_story_to_go_on_with(admin_client):
    response = begin(admin_client, "The Boat & the Sea")

    row = Story.objects.get()
    assert response.headers["Location"] == reverse("admin:storybook_story_outline", args=[row.pk])
    assert row.story_id == "the-boat-the-sea"
    assert [each.document for each in row.design_documents.all()] == list(blank_documents())
    assert row.scenelets.get().place == 1
    assert admin_client.get(response.headers["Location"]).status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The Boat", "the-boat-2"),
        ("海の物語", "海の物語"),
        ("Ünï", "uni"),
        ("🦊", "my-story"),
        ("x" * 300, "x" * 192),
    ],
)
def test_the_id_is_made_from_the_title_and_is_free(admin_client, title, expected):
    Story.objects.create(story_id="the-boat", title="Another")

    begin(admin_client, title)

    assert Story.objects.order_by("-pk").first().story_id == expected


def test_an_id_that_is_taken_is_refused(admin_client):
    Story.objects.create(story_id="the-boat", title="Another")

    response = begin(admin_client, "Mine", story_id="the-boat")

    assert response.context["adminform"].form.errors.keys() == {"story_id"}
    assert Story.objects.count() == 1


def test_the_skeleton_has_no_content():
    texts = json.dumps([blank_documents(), blank_entries()])

    assert "Mira" not in texts and "png" not in texts
    assert set(blank_entries()) == {
        "character_designs",
        "environment_designs",
        "character_voice_profiles",
        "music_and_ambience_cues",
        "audioAndNarrative",
    }


def test_what_is_saved_is_a_bundle(admin_client, tmp_path):
    begin(admin_client, "The Boat")
    row = Story.objects.get()
    visual = row.design_documents.get(kind="visual")
    first = row.scenelets.get()
    name = named("character_designs", 0, "character_name")
    url = reverse("admin:storybook_designdocument_change", args=[visual.pk])
    form = {"tab": "fields", "document": json.dumps(visual.document)}
    page = admin_client.post(url, form | {"_edit": f"add:{named('character_designs')}"})
    form["document"] = page.context["adminform"].form["document"].value()
    admin_client.post(url, form | {name: "Mira"})
    add(
        admin_client, Scenelet, story=row.pk, title="Out to sea", parent=first.pk, choice_label="Go"
    )
    lines = named("audioAndNarrative")
    draft = {"scenelet": first.pk, "shot_index": 1, "tab": "fields", **NO_INLINES}
    page = admin_client.post(
        reverse("admin:storybook_shot_add"),
        draft | {"storyboard_payload": "", "_edit": f"add:{lines}"},
    )
    payload = page.context["adminform"].form["storyboard_payload"].value()
    add(
        admin_client,
        Shot,
        **draft,
        storyboard_payload=payload,
        **{
            named("framingAndAngle"): "A wide shot.",
            f"{named('referencedDesigns', 'characters')}/shown": "1",
            named("referencedDesigns", "characters"): "mira",
            f"{lines}/0/source": "mira",
            f"{lines}/0/line": "Whose boat is this?",
            f"{lines}/0/type": "dialogue",
        },
    )

    document = as_bundle(row)

    shot = Shot.objects.get()
    assert list(shot.storyboard_payload.items()) == [
        ("framingAndAngle", "A wide shot."),
        ("referencedDesigns", {"characters": ["mira"]}),
        (
            "audioAndNarrative",
            [{"type": "dialogue", "source": "mira", "line": "Whose boat is this?", "delivery": ""}],
        ),
    ]
    assert [each.scenelet_id for each in row.scenelets.all()] == ["scenelet-1", "out-to-sea"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []
    folder = write_bundle(tmp_path / "bundle", document, {})
    assert read_bundle(folder / "story.json").scenelets[1].parent_scenelet_id == "scenelet-1"


def test_an_import_keeps_what_was_made_by_hand(admin_client, tmp_path):
    bundle = write_bundle(tmp_path / "b", story(scenelets=[scenelet(1)]))
    import_story(bundle)
    row = Story.objects.get()
    first = row.scenelets.get()
    _, mine = add(admin_client, Scenelet, story=row.pk, title="Mine", parent=first.pk)
    Shot.objects.create(scenelet=first, shot_index=9, storyboard_payload={"mine": 1})
    Shot.objects.create(scenelet=mine, shot_index=1, storyboard_payload={"mine": 2})

    report = import_story(bundle)

    kept = Shot.objects.exclude(gone_since=None)
    assert [each.storyboard_payload for each in kept] == [{"mine": 1}, {"mine": 2}]
    assert len(report.gone_shots) == 2
    mine.refresh_from_db()
    assert mine.parent == first


# -- scenelets


@pytest.fixture
def row(tmp_path):
    import_story(
        write_bundle(
            tmp_path / "b",
            story(
                scenelets=[
                    scenelet(1),
                    scenelet(2, parent_scenelet_id="scenelet-1"),
                    scenelet(3, parent_scenelet_id="scenelet-2"),
                ]
            ),
        )
    )
    return Story.objects.get()


def test_a_scenelet_needs_a_title_only(admin_client, row):
    _, first = add(admin_client, Scenelet, story=row.pk, title="The Quay")
    _, second = add(admin_client, Scenelet, story=row.pk, title="The Quay")

    assert (first.scenelet_id, first.sequence, first.place) == ("the-quay", 4, 4)
    assert (second.scenelet_id, second.sequence, second.place) == ("the-quay-2", 5, 5)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"parent": "scenelet-3"}, "parent"),
        ({"parent": "scenelet-1"}, "parent"),
        ({"scenelet_id": "scenelet-2"}, "__all__"),
        ({"sequence": 2**40}, "sequence"),
        ({"scenelet_id": "x" * 201}, "scenelet_id"),
    ],
    ids=str,
)
def test_what_an_import_refuses_is_refused(admin_client, row, values, field):
    first = row.scenelets.get(scenelet_id="scenelet-1")
    form = {"story": row.pk, "title": "One", "scenelet_id": "scenelet-1", "sequence": 1} | values
    if "parent" in form:
        form["parent"] = row.scenelets.get(scenelet_id=form["parent"]).pk

    page = admin_client.post(reverse("admin:storybook_scenelet_change", args=[first.pk]), form)

    assert list(page.context["adminform"].form.errors) == [field]
    first.refresh_from_db()
    assert (first.parent, first.scenelet_id) == (None, "scenelet-1")


def test_a_circle_that_is_there_does_not_hang_the_form(admin_client, row):
    two, three = row.scenelets.order_by("place")[1:]
    Scenelet.objects.filter(pk=two.pk).update(parent=three)
    form = {"story": row.pk, "title": "New", "parent": two.pk}

    response, mine = add(admin_client, Scenelet, **form)

    assert response.status_code == HTTPStatus.FOUND
    assert mine.parent == two


def test_a_shot_index_that_is_taken_is_refused(admin_client, row):
    first = row.scenelets.get(scenelet_id="scenelet-1")
    form = {"scenelet": first.pk, "shot_index": 1, "storyboard_payload": "", **NO_INLINES}

    response, _ = add(admin_client, Shot, **form)

    assert response.context["adminform"].form.non_field_errors()
    assert first.shots.count() == 2


# -- the outline


def test_the_outline_shows_all_of_it(admin_client, row):
    page = admin_client.get(reverse("admin:storybook_story_outline", args=[row.pk]))

    assert [each["scenelet"].scenelet_id for each in page.context["scenelets"]] == [
        "scenelet-1",
        "scenelet-2",
        "scenelet-3",
    ]
    assert [len(each["shots"]) for each in page.context["scenelets"]] == [2, 2, 2]
    assert page.context["scenelets"][0]["next_index"] == 3
    for url in (
        reverse("admin:storybook_shot_add") + f"?scenelet={row.scenelets.first().pk}&shot_index=3",
        reverse("admin:storybook_scenelet_add") + f"?story={row.pk}&sequence=4",
    ):
        assert admin_client.get(url).context["outline_of"] == row


def test_the_outline_does_not_query_for_every_row(
    admin_client, tmp_path, django_assert_max_num_queries
):
    many = story(story_id="many", scenelets=[scenelet(number) for number in range(1, 30)])
    import_story(write_bundle(tmp_path / "many", many))

    with django_assert_max_num_queries(15 + BAR_QUERIES):
        admin_client.get(reverse("admin:storybook_story_outline", args=[Story.objects.get().pk]))


def test_a_story_without_documents_offers_to_make_them(admin_client, row):
    DesignDocument.objects.all().delete()

    page = admin_client.get(reverse("admin:storybook_story_outline", args=[row.pk]))

    assert page.text.count(reverse("admin:storybook_designdocument_add") + "?story=") == 2
