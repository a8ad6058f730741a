"""The forms of shots and design documents, as a browser without scripts sends them."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

import storybook
from storybook.importer.story import import_story
from storybook.models import DesignDocument, KeyFrame, Shot
from tests.support.factories import make_render, make_shot, picture_bytes
from tests.support.named_fields import fields_of, named

pytestmark = pytest.mark.django_db


@pytest.fixture
def shot():
    return make_shot()


@pytest.fixture
def visual(shot):
    return DesignDocument.objects.get(story=shot.scenelet.story, kind="visual")


@pytest.fixture
def audio(shot):
    return DesignDocument.objects.get(story=shot.scenelet.story, kind="audio")


def address(row):
    return reverse(f"admin:storybook_{row._meta.model_name}_change", args=[row.pk])


def sent(response):
    """What the browser would send back of the page, unchanged."""
    context = response.context
    values = {"tab": context["editor"].tab}
    if context.get("form_version"):
        values["form_version"] = context["form_version"]
    forms = [context["adminform"].form]
    for each in context["inline_admin_formsets"]:
        forms += [each.formset.management_form, *each.formset.initial_forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is not None and value is not False:
                values[bound.html_name] = value
    return values | (fields_of(context["editor"].view) if context["editor"].view else {})


def save(browser, row, **changes):
    form = sent(browser.get(address(row))) | changes
    return browser.post(address(row), form)


def text(document):
    return json.dumps(document)


def stored(row):
    return (
        type(row)
        .objects.values_list(
            "storyboard_payload" if isinstance(row, Shot) else "document", flat=True
        )
        .get(pk=row.pk)
    )


def test_a_saved_form_leaves_every_document_of_the_sample_as_it_was(admin_client):
    import_story(Path(storybook.__file__).parent / "sample" / "the-night-the-tide-forgot")
    rows = [*Shot.objects.all(), *DesignDocument.objects.all()]
    columns = {Shot: "storyboard_payload", DesignDocument: "document"}
    raw = {
        model: list(model.objects.order_by("pk").extra(select={"t": column}).values_list("t"))
        for model, column in columns.items()
    }

    for row in rows:
        response = save(admin_client, row)
        assert response.status_code == HTTPStatus.FOUND, row

    assert len(rows) == 18
    assert raw == {
        model: list(model.objects.order_by("pk").extra(select={"t": column}).values_list("t"))
        for model, column in columns.items()
    }


def test_a_field_is_saved_and_nothing_else(admin_client, shot):
    before = text(stored(shot))

    response = save(admin_client, shot, **{named("framingAndAngle"): "A close-up."})

    assert response.headers["Location"] == reverse(
        "admin:storybook_story_outline", args=[shot.scenelet.story_id]
    )
    assert text(stored(shot)) == before.replace("wide, low", "A close-up.")


def test_a_line_is_added_and_nothing_is_saved_before_one_says_so(admin_client, shot):
    rows = named("audioAndNarrative")
    number = len(stored(shot)["audioAndNarrative"])
    form = sent(admin_client.get(address(shot))) | {
        named("framingAndAngle"): "Typed before.",
        "_edit": f"add:{rows}",
    }

    page = admin_client.post(address(shot), form)

    assert page.context["editor"].is_unsaved
    assert stored(shot)["framingAndAngle"] != "Typed before."
    form = sent(page)
    assert form[named("framingAndAngle")] == ["Typed before."]
    form |= {f"{rows}/{number}/line": "Hello.", f"{rows}/{number}/source": "ada"}
    assert admin_client.post(address(shot), form).status_code == HTTPStatus.FOUND
    assert stored(shot)["framingAndAngle"] == "Typed before."
    assert stored(shot)["audioAndNarrative"][-1] == {
        "type": "",
        "source": "ada",
        "line": "Hello.",
        "delivery": "",
    }


def test_another_tab_loses_nothing(admin_client, shot):
    form = sent(admin_client.get(address(shot)))
    form |= {named("framingAndAngle"): "Typed.", "shot_index": "7", "_tab": "json"}

    page = admin_client.post(address(shot), form)

    assert page.context["editor"].tab == "json"
    form = sent(page)
    assert json.loads(form["storyboard_payload"])["framingAndAngle"] == "Typed."
    assert form["shot_index"] == "7"
    form["storyboard_payload"] = form["storyboard_payload"].replace("Typed.", "In JSON.")
    page = admin_client.post(address(shot), form | {"_tab": "fields"})
    assert sent(page)[named("framingAndAngle")] == ["In JSON."]
    assert stored(shot)["framingAndAngle"] not in ("Typed.", "In JSON.")


def test_json_with_a_mistake_stays_on_its_tab(admin_client, shot):
    form = sent(admin_client.get(address(shot), {"tab": "json"}))

    page = admin_client.post(
        address(shot), form | {"storyboard_payload": '{"a": }', "_tab": "fields"}
    )

    assert page.context["editor"].tab == "json"
    assert "line 1 column 7" in page.context["editor"].refusal
    assert sent(page)["storyboard_payload"] == '{"a": }'


def test_a_chosen_file_that_is_lost_is_told(admin_client, shot):
    form = sent(admin_client.get(address(shot))) | {"_edit": f"add:{named('audioAndNarrative')}"}
    picture = SimpleUploadedFile("frame.png", picture_bytes("red"))

    page = admin_client.post(address(shot), form | {"key_frames-0-upload": picture})

    assert page.context["editor"].has_lost_files


@pytest.mark.parametrize("document", ["a text", ["a", "list"], 7, None, {}])
def test_odd_documents_have_a_page(admin_client, shot, visual, document):
    Shot.objects.filter(pk=shot.pk).update(storyboard_payload=document)
    DesignDocument.objects.filter(pk=visual.pk).update(
        document={} if document is None else document
    )

    for row in (shot, visual):
        page = admin_client.get(address(row))

        assert page.status_code == HTTPStatus.OK
        is_object = document in (None, {})
        assert page.context["editor"].tab == ("fields" if is_object else "json")
        assert bool(page.context["editor"].refusal) != is_object
    assert admin_client.get(reverse("admin:storybook_story_outline", args=[visual.story_id]))
    if document in (None, {}):
        assert save(admin_client, shot).status_code == HTTPStatus.FOUND
        assert stored(shot) == document


def test_an_older_form_is_refused_with_what_was_typed(admin_client, shot):
    form = sent(admin_client.get(address(shot))) | {named("framingAndAngle"): "Mine."}
    theirs = stored(shot) | {"framingAndAngle": "Theirs."}
    Shot.objects.filter(pk=shot.pk).update(storyboard_payload=theirs)

    page = admin_client.post(address(shot), form)

    [difference] = page.context["stale_form"].differences
    assert [line for line in difference.lines if line[0] in "+-"] == [
        '-  "framingAndAngle": "Theirs.",',
        '+  "framingAndAngle": "Mine.",',
    ]
    assert stored(shot) == theirs
    assert sent(page)[named("framingAndAngle")] == ["Mine."]
    assert admin_client.post(address(shot), sent(page)).status_code == HTTPStatus.FOUND
    assert stored(shot)["framingAndAngle"] == "Mine."


def test_a_removed_character_names_the_shots_that_show_it(admin_client, shot, visual):
    form = sent(admin_client.get(address(visual)))

    page = admin_client.post(
        address(visual), form | {"_edit": f"remove:{named('character_designs')}/0"}
    )

    [sentence] = page.context["editor"].lost
    assert "ada" in sentence and shot.code in sentence
    saved = admin_client.post(address(visual), sent(page))
    assert saved.status_code == HTTPStatus.FOUND
    assert sentence in [str(each) for each in get_messages(saved.wsgi_request)]
    assert stored(visual)["character_designs"] == []


@pytest.mark.parametrize("tab", ["fields", "json"])
def test_findings_are_shown_and_refuse_nothing(admin_client, shot, visual, audio, tab):
    design = stored(visual)
    design["character_designs"] *= 2
    design["enviroment_designs"] = [{"x": "y"}]
    DesignDocument.objects.filter(pk=visual.pk).update(document=design)
    voices = stored(audio) | {"character_voice_profiles": [{"character_id": "nobody"}]}
    DesignDocument.objects.filter(pk=audio.pk).update(document=voices)
    payload = stored(shot) | {"referencedDesigns": {"characters": ["adaa"]}}
    Shot.objects.filter(pk=shot.pk).update(storyboard_payload=payload)

    places = {
        row._meta.model_name + str(row.pk): [
            each.place
            for each in admin_client.get(address(row), {"tab": tab}).context["editor"].remarks
        ]
        for row in (shot, visual, audio)
    }

    assert list(places.values()) == [
        ["referencedDesigns.characters[0]", *places[f"shot{shot.pk}"][1:]],
        ["enviroment_designs", "character_designs[1].character_id"],
        ["character_voice_profiles[0].character_id"],
    ]
    for row in (shot, visual, audio):
        assert save(admin_client, row).status_code == HTTPStatus.FOUND


@pytest.mark.parametrize(
    "document",
    [
        {"character_designs": 5},
        {"character_designs": ["ada"]},
        {"character_designs": [{"character_id": 5}]},
        {"environment_designs": [{"environment_reference_image_path": {}}]},
    ],
)
def test_what_an_import_refuses_is_not_saved(admin_client, visual, document):
    before = stored(visual)

    page = save(admin_client, visual, tab="json", document=json.dumps(document))

    assert page.status_code == HTTPStatus.OK
    assert page.context["adminform"].form.errors["document"][0].startswith("visual_design_document")
    assert stored(visual) == before


def test_a_wrapped_document_is_stored_without_its_wrapper(admin_client, visual):
    document = {"visual_design_document": {"z": 1, "a": 2}}

    save(admin_client, visual, tab="json", document=json.dumps(document))

    assert text(stored(visual)) == '{"z": 1, "a": 2}'


def test_a_shot_with_renders_cannot_be_taken_out(admin_client, shot):
    make_render(shot)
    url = reverse("admin:storybook_shot_delete", args=[shot.pk])

    page = admin_client.post(url, {"post": "yes"})

    assert page.status_code == HTTPStatus.OK
    assert page.context["protected"]
    assert Shot.objects.filter(pk=shot.pk).exists()


def test_who_may_change_a_shot_may_take_it_out(client, django_user_model, shot):
    from django.contrib.auth.models import Group

    artist = django_user_model.objects.create_user("artist", is_staff=True)
    artist.groups.add(Group.objects.get(name="artist"))
    client.force_login(artist)
    KeyFrame.objects.all().delete()

    response = client.post(reverse("admin:storybook_shot_delete", args=[shot.pk]), {"post": "yes"})

    assert response.headers["Location"] == reverse(
        "admin:storybook_story_outline", args=[shot.scenelet.story_id]
    )
    assert not Shot.objects.exists()


def test_queries_do_not_depend_on_the_document(
    admin_client, shot, visual, django_assert_max_num_queries
):
    many = [{"character_id": f"c{number}", "character_name": "C"} for number in range(40)]
    DesignDocument.objects.filter(pk=visual.pk).update(document={"character_designs": many})

    for row in (shot, visual):
        with django_assert_max_num_queries(40):
            admin_client.get(address(row))
