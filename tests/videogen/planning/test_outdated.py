"""Takes whose story has changed since: found by content, whatever the settings are by now."""

from __future__ import annotations

import copy
import importlib
import json
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.urls import reverse

from storybook.importer.skeleton import write_skeleton
from storybook.importer.story import import_story
from storybook.models import DesignDocument, KeyFrame, Picture, Shot, Story
from tests.support.admin_clients import producer, viewer
from tests.support.commands import manage
from tests.support.factories import (
    KEY_FRAME,
    PAYLOAD,
    SHEET,
    VISUAL,
    force,
    make_batch,
    make_picture,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from tests.support.pages import page_of
from tests.support.takes import make_take, make_takes
from videogen.models import ReferenceChoice, RenderBatch, VideoRender
from videogen.models.people import Requester
from videogen.models.problems import ProblemCode
from videogen.planning.outdated import find_changes, outdated_shots
from videogen.planning.rerun import generate_exactly
from videogen.prompts import prompt
from videogen.views.components.shot_cards import for_cards

pytestmark = pytest.mark.django_db


def all_shots(story):
    return list(shots_of(story).select_related("scenelet__story"))


def outdated(story):
    return set(outdated_shots(story, for_cards(shots_of(story))))


def is_outdated(shot):
    return outdated(shot.scenelet.story) == {shot.pk}


def used_take(**story):
    """The shot of a selected take, as it is just after it was made."""
    shot = make_shot(**story)
    make_take(shot, review="selected")
    assert not is_outdated(shot)
    return shot


# -- what changes a story --------------------------------------------------------------------------


def change_storyboard(shot):
    payload = copy.deepcopy(PAYLOAD) | {"framingAndAngle": "close, high"}
    Shot.objects.filter(pk=shot.pk).update(storyboard_payload=payload)


def change_design(shot):
    document = DesignDocument.objects.get(kind="visual")
    document.document["character_designs"][0]["detailed_description"] = "A woman in a raincoat."
    document.save()


def change_voice(shot):
    document = DesignDocument.objects.get(kind="audio")
    document.document["character_voice_profiles"][0]["voice_name"] = "Finch"
    document.save()


def replace_sheet(shot):
    Picture.objects.filter(path=SHEET).update(sha256="c" * 64)


def break_sheet(shot):
    Picture.objects.filter(path=SHEET).update(file="", sha256="", problem="It is no picture.")


def remove_key_frame(shot):
    KeyFrame.objects.filter(shot=shot).delete()


def replace_key_frame(shot):
    picture = make_picture(shot.scenelet.story, "another.png")
    KeyFrame.objects.filter(shot=shot).update(picture=picture)


def leave_out(shot):
    ReferenceChoice.objects.create(
        shot=shot, kind="character", reference_id="ada", choice="left_out"
    )


def reorder(shot):
    ReferenceChoice.objects.create(
        shot=shot, kind="key_frame", reference_id="1", choice="pinned", position=1
    )


CHANGES = [
    change_storyboard,
    change_design,
    change_voice,
    replace_sheet,
    break_sheet,
    remove_key_frame,
    replace_key_frame,
    leave_out,
    reorder,
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("review", ["selected", "approved"])
def test_what_changes_the_prompt_or_the_references_makes_it_outdated(change, review):
    shot = used_take()
    force(VideoRender.objects.all(), review=review)

    change(shot)

    assert is_outdated(shot)
    assert VideoRender.objects.count() == 1, "nothing is rendered again by itself"


def test_only_the_shot_that_changed_is_outdated():
    shots = all_shots(make_story(shots=3))
    make_takes(*shots, review="selected")

    change_storyboard(shots[1])

    assert outdated(shots[0].scenelet.story) == {shots[1].pk}


def test_a_change_that_is_taken_back_is_none():
    shot = used_take()
    change_storyboard(shot)
    assert is_outdated(shot)

    Shot.objects.update(storyboard_payload=PAYLOAD)

    assert not is_outdated(shot)


def test_a_take_of_the_story_as_it_is_now_ends_it():
    shot = used_take()
    change_storyboard(shot)
    force(VideoRender.objects.all(), review="unreviewed")

    make_take(shot, review="selected")

    assert not is_outdated(shot)


def change_other_design(shot):
    document = DesignDocument.objects.get(kind="visual")
    document.document["character_designs"].append({"character_id": "bo", "looks": "tall"})
    document.save()


def touch(shot):
    DesignDocument.objects.get(kind="visual").save()
    shot.scenelet.title = "Another title"
    shot.scenelet.save()


def change_music(shot):
    document = DesignDocument.objects.get(kind="audio")
    document.document["music_and_ambience_cues"] = []
    document.save()


@pytest.mark.parametrize("change", [change_other_design, touch, change_music])
def test_what_does_not_go_into_the_shot_changes_nothing(change):
    shot = used_take()

    change(shot)

    assert not is_outdated(shot)


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIDEO_MODEL", "veo-3.1-fast-generate-preview"),
        ("VIDEO_RESOLUTION", "720p"),
        ("VIDEO_ASPECT_RATIO", "9:16"),
        ("VIDEO_DURATION_SECONDS", 4),
        ("VIDEO_USE_KEY_FRAMES", False),
        ("VIDEO_PROMPT_LIMIT_TOKENS", 1),
        ("VIDEO_PROMPT_LIMIT_BLOCKS", True),
        ("VIDEO_BUDGET_USD", 0),
        ("VIDEO_BACKEND", "gemini"),
    ],
)
def test_a_change_of_settings_marks_nothing(settings, name, value):
    shot = used_take()
    settings.VIDEO_BACKEND = "gemini"
    force(VideoRender.objects.all(), is_simulated=False)
    cache.clear()
    setattr(settings, name, value)

    assert not is_outdated(shot)
    change_storyboard(shot)
    assert is_outdated(shot), "a change of the story is found all the same"


def test_other_words_of_ours_mark_nothing(monkeypatch):
    shot = used_take()
    monkeypatch.setattr(prompt, "CRITICAL_INSTRUCTION", ("Show a cat.",))
    cache.clear()

    assert not is_outdated(shot)
    change_storyboard(shot)
    (change,) = find_changes(shot.scenelet.story, [VideoRender.objects.get().pk])
    changed = [line.text for line in change.differences.prompt if line.kind != "same"]
    assert len(changed) == 2 and all("framingAndAngle" in text for text in changed)


def test_made_without_key_frames_it_is_compared_without(settings):
    settings.VIDEO_USE_KEY_FRAMES = False
    shot = used_take()
    cache.clear()
    settings.VIDEO_USE_KEY_FRAMES = True

    assert not is_outdated(shot)
    replace_key_frame(shot)
    assert not is_outdated(shot)
    replace_sheet(shot)
    assert is_outdated(shot)


def test_made_with_key_frames_a_new_one_counts():
    shot = used_take(key_frames=False)

    picture = Picture.objects.get(path=KEY_FRAME)
    KeyFrame.objects.create(shot=shot, position=1, picture=picture)

    assert is_outdated(shot)


def test_a_new_key_frame_counts_for_a_copy_as_for_what_it_copies(settings):
    shot = used_take(key_frames=False)
    copied = generate_exactly(VideoRender.objects.get(), Requester("admin"))
    force(VideoRender.objects.all(), review="unreviewed")
    force(
        VideoRender.objects.filter(pk__in=copied.render_ids),
        state="done",
        take=2,
        video_file="two.mp4",
        review="selected",
    )
    assert not is_outdated(shot)

    picture = Picture.objects.get(path=KEY_FRAME)
    KeyFrame.objects.create(shot=shot, position=1, picture=picture)

    assert is_outdated(shot)


def test_where_it_is_not_known_whether_key_frames_were_used_nobody_is_alarmed():
    shot = used_take(key_frames=False)
    RenderBatch.objects.update(uses_key_frames=None)

    picture = Picture.objects.get(path=KEY_FRAME)
    KeyFrame.objects.create(shot=shot, position=1, picture=picture)

    assert not is_outdated(shot)
    replace_sheet(shot)
    assert is_outdated(shot)


def test_batches_of_before_get_it_from_the_rows_of_their_plans():
    shot = make_shot()
    on, off, unknown = (make_batch(shot.scenelet.story) for _ in range(3))
    for batch, value in ((on, True), (off, False)):
        rows = [{"shot": shot.pk, "render": None}, {"render": 1, "uses_key_frames": value}]
        RenderBatch.objects.filter(pk=batch.pk).update(plan=rows)
    render = make_render(shot, "failed", batch=off)
    copied = make_render(shot, "failed", copy_of=render, batch=make_batch(shot.scenelet.story))
    again = make_render(shot, "failed", copy_of=copied, batch=make_batch(shot.scenelet.story))
    migration = importlib.import_module("videogen.migrations.0024_uses_key_frames")

    migration.fill(apps, SimpleNamespace(connection=connection))

    batches = [on, off, unknown, copied.batch, again.batch]
    for batch in batches:
        batch.refresh_from_db()
    assert [each.uses_key_frames for each in batches] == [True, False, None, False, False]


# -- which takes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("review", ["unreviewed", "rejected"])
def test_only_the_take_that_the_story_uses_counts(review):
    shot = make_shot()
    make_take(shot, review=review)
    change_storyboard(shot)

    assert not is_outdated(shot)


def test_what_nobody_asked_an_api_for_is_never_outdated(django_assert_num_queries):
    shot = make_shot()
    make_render(shot, "done", kind="upload", prompt_text="", review="approved")
    shots = list(for_cards(shots_of(shot.scenelet.story)))

    with django_assert_num_queries(0):
        assert outdated_shots(shot.scenelet.story, shots) == frozenset()


def test_a_story_without_its_design_says_why():
    shot = used_take()
    DesignDocument.objects.filter(kind="visual").delete()

    assert is_outdated(shot)
    (change,) = find_changes(shot.scenelet.story, [VideoRender.objects.get().pk])
    assert [each.code for each in change.missing] == [ProblemCode.NO_DOCUMENT]
    assert not change.differences


def test_a_pin_that_broke_is_told():
    shot = used_take()
    ReferenceChoice.objects.create(
        shot=shot, kind="character", reference_id="ada", choice="pinned", position=1
    )
    break_sheet(shot)

    (change,) = find_changes(shot.scenelet.story, [VideoRender.objects.get().pk])

    [problem] = change.missing
    assert problem.params["reference"] == "model sheet of character ada"


# -- cost ------------------------------------------------------------------------------------------


def test_what_was_found_is_kept_until_something_changes(django_assert_num_queries):
    story = make_story(shots=4)
    shots = all_shots(story)
    make_takes(*shots, review="selected")
    change_storyboard(shots[0])
    cards = list(for_cards(shots_of(story)))
    found = outdated_shots(story, cards)

    with django_assert_num_queries(4):
        assert outdated_shots(story, cards) == found == {shots[0].pk}

    change_storyboard(shots[1])
    assert outdated(story) == {shots[0].pk, shots[1].pk}


def test_number_of_queries_does_not_grow(django_assert_max_num_queries):
    counts = []
    for number in (1, 12):
        story = make_story(f"story-{number}", shots=number)
        shots = all_shots(story)
        make_takes(*shots, review="selected")
        for shot in shots:
            change_storyboard(shot)
        cards = list(for_cards(shots_of(story)))
        with django_assert_max_num_queries(24) as captured:
            assert len(outdated_shots(story, cards)) == number
        counts.append(len(captured))

    assert counts[0] == counts[1]


# -- the board -------------------------------------------------------------------------------------


def board(story, rest="", **query):
    return viewer().get(f"/admin/storybook/story/{story.pk}/board/{rest}", query)


def is_marked(source):
    """Whether a page, or a part of one, has the badge that tells of it."""
    return "out of date" in page_of(source).values("badge")


def test_the_board_marks_it_and_its_chip_filters():
    story = make_story(shots=3)
    shots = all_shots(story)
    make_takes(*shots, review="selected")
    assert not is_marked(board(story))
    change_storyboard(shots[2])

    page = page_of(board(story))
    filtered = page_of(board(story, status="out of date"))

    cards = page.tags("article")
    marked = [card["shot"] for card in cards if "out of date" in card.values("badge")]
    assert (len(cards), marked) == (3, [str(shots[2].pk)])
    chip = page.hook("chip", "out of date")
    assert chip["number"] == "1"
    assert chip.attributes["href"].endswith("?status=out+of+date")
    assert [card["shot"] for card in filtered.tags("article")] == [str(shots[2].pk)]
    assert "aria-current" in filtered.hook("chip", "out of date").attributes


def test_a_filter_that_nothing_fits_any_more_leads_back():
    story = make_story()

    page = page_of(board(story, status="out of date"))

    assert page.hook("no-scenelet").links and not page.tags("article")


def test_the_mark_comes_without_a_reload():
    story = make_story(shots=2)
    shots = all_shots(story)
    make_takes(*shots, review="selected")
    since = board(story, "state/").json()["since"]
    assert board(story, "state/", since=since).json()["parts"] == {}

    change_storyboard(shots[1])
    parts = board(story, "state/", since=since).json()["parts"]

    assert is_marked(parts[f"card-{shots[1].pk}"])
    assert is_marked(parts["chips"])


def test_a_scenelet_is_selected_as_it_was_shown():
    story = make_story(shots=3)
    shots = all_shots(story)
    make_takes(*shots, review="selected")
    change_storyboard(shots[0])
    url = f"/admin/storybook/story/{story.pk}/board/?status=out+of+date"

    producer().post(url, {"scenelet": shots[0].scenelet_id})

    draft = RenderBatch.objects.get(status="draft")
    assert list(draft.shots.all()) == [shots[0]]


# -- the page of takes -----------------------------------------------------------------------------


def takes_page(shot, browser=None):
    url = reverse("admin:storybook_shot_takes", args=[shot.pk])
    return (browser or viewer()).get(url)


def note_of(render, response):
    """The note on the card of a render that the story has changed since."""
    return page_of(response).hook("render", str(render.pk)).hook("outdated")


def test_the_takes_show_what_is_different():
    shot = used_take()
    make_take(shot)
    assert "outdated" not in page_of(takes_page(shot))
    change_storyboard(shot)
    replace_sheet(shot)

    page = takes_page(shot)

    assert len(page_of(page).hooks("outdated")) == 1
    # Of the take that the story uses, not of the newest one.
    note = note_of(VideoRender.objects.get(review="selected"), page)
    lines = {each["line"]: each.text for each in note.hooks("line") if each["line"] != "same"}
    assert "wide, low" in lines["removed"] and "close, high" in lines["added"]
    assert len(note.hooks("change")) == 1
    # The one test of these words.
    assert (
        "The story has changed since this take. Nothing is rendered again by itself." in note.text
    )


def test_without_a_choice_it_is_said_of_the_newest_take():
    shot = make_shot()
    make_takes(shot)
    newest = make_take(shot)
    change_storyboard(shot)

    page = takes_page(shot)

    assert note_of(newest, page)
    assert len(page_of(page).hooks("outdated")) == 1


def test_the_takes_say_why_nothing_could_be_rendered():
    shot = used_take()
    DesignDocument.objects.filter(kind="audio").delete()

    note = note_of(VideoRender.objects.get(), takes_page(shot))

    assert "audio design document" in note.hook("missing").text
    assert "changes" not in note


def test_the_state_of_the_takes_has_it_too():
    shot = used_take()
    change_storyboard(shot)
    url = reverse("admin:videogen_takes_state", args=[shot.pk])

    parts = viewer().get(url).json()["parts"]

    assert "outdated" in page_of(parts[f"render-{VideoRender.objects.get().pk}"])


def test_names_of_the_story_are_escaped():
    visual = copy.deepcopy(VISUAL)
    shot = used_take(visual=visual)
    payload = PAYLOAD | {"framingAndAngle": "<script>alert(1)</script>"}
    Shot.objects.update(storyboard_payload=payload)

    page = takes_page(shot)

    assert "outdated" in page_of(page)
    assert "<script>alert" not in page.text


# -- before an import ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("review", "payload", "named"),
    [
        ("approved", {"framingAndAngle": "close"}, ["S01-01"]),
        ("selected", {"framingAndAngle": "close"}, ["S01-01"]),
        ("unreviewed", {"framingAndAngle": "close"}, []),
        ("selected", {}, []),
    ],
)
def test_a_dry_import_names_the_shots_whose_takes_would_be_out_of_date(
    tmp_path, review, payload, named
):
    write_skeleton(tmp_path / "bundle", "the-boat", "The Boat")
    import_story(tmp_path / "bundle")
    first, second, *_ = all_shots(Story.objects.get())
    for shot in (first, second):
        make_take(shot, review=review)
    file = tmp_path / "bundle" / "story.json"
    document = json.loads(file.read_text())
    document["scenelets"][0]["shots"][0]["storyboard_payload"] |= payload
    file.write_text(json.dumps(document))

    report = import_story(tmp_path / "bundle", is_dry_run=True)

    assert [(each.code, [shot.code for shot in each.shots]) for each in report.effects] == (
        [("out_of_date", named)] if named else []
    )
    assert not is_outdated(first) and outdated(first.scenelet.story) == set()
    if named:
        told = manage("import_story", tmp_path / "bundle", "--dry-run").stdout
        assert "Takes in use that would be out of date:\n  S01-01 · " in told
