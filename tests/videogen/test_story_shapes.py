"""Stories of every shape, on everything that takes a story out: Watch, films, export, player."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from storybook.models import Scenelet, Story, place_scenelets
from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take, make_forked_story, work_on_films
from videogen.models import Film

pytestmark = pytest.mark.django_db

PATHS = 1000
ARABIC, CHINESE = "العودة إلى البيت", "回家的路"


@pytest.fixture(autouse=True)
def short(settings):
    settings.VIDEO_STILL_SECONDS = settings.VIDEO_CARD_SECONDS = 0.1


def make_circle():
    """Nothing but two scenelets, each of which comes after the other."""
    story = make_story(scenelets=("one", "two"))
    one, two = story.scenelets.order_by("place")
    Scenelet.objects.filter(pk=one.pk).update(parent=two)
    Scenelet.objects.filter(pk=two.pk).update(parent=one)
    return story


def make_circle_with_a_way_out():
    story = make_circle()
    one = story.scenelets.get(scenelet_id="one")
    Scenelet.objects.create(story=story, scenelet_id="out", sequence=3, parent=one)
    return story


def make_circle_beside_a_path():
    story = make_circle()
    start = Scenelet.objects.create(story=story, scenelet_id="start", sequence=3)
    Scenelet.objects.create(story=story, scenelet_id="end", sequence=4, parent=start)
    return story


def make_wide_story():
    story = make_story(scenelets=("start",))
    start = story.scenelets.get()
    Scenelet.objects.bulk_create(
        Scenelet(story=story, scenelet_id=f"ending-{n}", sequence=n + 1, parent=start)
        for n in range(1, PATHS + 1)
    )
    place_scenelets(story.pk)
    return story


def make_titled(title):
    story = make_forked_story()
    Story.objects.filter(pk=story.pk).update(title=title)
    story.scenelets.update(title=title, choice_prompt=f"{title}?", choice_label=title)
    story.refresh_from_db()
    return story


def make_story_of_one_shot():
    story = make_story()
    make_film_take(shots_of(story).get())
    return story


def make_story_without_takes():
    return make_story(scenelets=("one",), shots=2)


# How to make it; the endings whose paths it has; the films' warnings.
SHAPES = {
    "circle": (make_circle, [], []),
    "circle with a way out": (make_circle_with_a_way_out, ["out"], []),
    "circle beside a path": (make_circle_beside_a_path, ["end"], []),
    "one shot": (make_story_of_one_shot, ["opening"], []),
    "without takes": (make_story_without_takes, ["one"], []),
    "without shots": (lambda: make_story(shots=0), ["opening"], []),
    "arabic": (lambda: make_titled(ARABIC), ["left", "right"], []),
    "chinese": (lambda: make_titled(CHINESE), ["left", "right"], ["not_lettered"]),
}


@pytest.fixture(params=SHAPES)
def shape(request):
    make, endings, warnings = SHAPES[request.param]
    return make(), endings, warnings


def page(client, name, story, **query):
    response = client.get(reverse(f"admin:storybook_story_{name}", args=[story.pk]), query)
    assert response.status_code == 200
    return response


def call(command, story, output, *options):
    out = io.StringIO()
    call_command(
        command, f"--story-id={story.story_id}", *output, "--json", *options, stdout=out
    )  # fmt: skip
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_watch(admin_client, shape):
    story, endings, _ = shape

    context = page(admin_client, "watch", story).context

    assert [each.scenelet_id for each in context["endings"]] == endings
    has_start = story.scenelets.filter(parent=None).exists()
    assert (context["player"] is not None) is has_start
    assert bool(context["problem"]) is not has_start
    for ending in [*endings, ""]:
        watched = page(admin_client, "watch", story, path=ending).context
        assert watched["wanted"] == ending
        if has_start and ending:
            assert len(watched["player"]["path"]) == len(watched["path"].scenelets)


def test_films(admin_client, shape):
    story, endings, warnings = shape

    rows = page(admin_client, "films", story).context["rows"]

    assert [row.planned.path.ending.scenelet_id for row in rows] == endings
    has_parts = bool(rows) and bool(rows[0].planned.manifest.parts)
    admin_client.post(reverse("admin:storybook_story_films", args=[story.pk]))
    work_on_films()
    made = Film.objects.filter(story=story)
    assert {film.status for film in made} <= ({"done"} if has_parts else {"failed"})
    assert made.count() == len(endings)
    if not has_parts:
        return
    *films, last = call("render_film", story, [])
    assert last["summary"]["exists"] == len(endings)
    assert [film["ending"] for film in films] == endings
    for film in made:
        assert sorted({each["code"] for each in film.warnings}) == warnings
        assert film.seconds > 0
    for row in page(admin_client, "films", story).context["rows"]:
        assert bool(row.warnings) is bool(warnings)


def test_export(shape, tmp_path):
    story, endings, _ = shape

    [manifest] = call("export_story", story, [f"--output={tmp_path / 'out'}"])

    assert [path["ending"] for path in manifest["paths"]] == endings
    folder = tmp_path / "out" / story.story_id
    assert all((folder / path["otio"]).is_file() for path in manifest["paths"])
    shots = shots_of(story).count()
    assert len(manifest["clips"]) + len(manifest["missing"]) == shots
    assert manifest["story"]["title"] == story.title


def test_player(shape, tmp_path):
    story, _, _ = shape
    output = tmp_path / "out"
    if not story.scenelets.filter(parent=None).exists():
        with pytest.raises(CommandError, match="no beginning") as caught:
            call("export_player", story, [f"--output={output}"])
        assert caught.value.returncode == 2
        assert not list(tmp_path.glob("*out*"))
        return

    [counts] = call("export_player", story, [f"--output={output}"])

    assert counts["shots"] == shots_of(story).count()
    text = (output / story.story_id / "story.js").read_text(encoding="ascii")
    played = json.loads(text.removeprefix("window.STORY = ").removesuffix(";\n"))
    assert played["title"] == str(story)
    assert set(played["starts"]) <= set(played["scenelets"])


# -- a thousand paths ------------------------------------------------------------------------------


def test_a_thousand_paths(admin_client, tmp_path):
    """They are counted where all would be made, and played and watched as any other."""
    story = make_wide_story()

    context = page(admin_client, "watch", story, path="ending-1000").context
    assert (len(context["endings"]), context["wanted"]) == (PATHS, "ending-1000")
    assert context["player"]["path"] == ["s1", f"s{PATHS + 1}"]
    assert "1000 paths" in page(admin_client, "films", story).context["problem"]
    for command, output in (("render_film", []), ("export_story", ["--output", tmp_path / "x"])):
        with pytest.raises(CommandError, match="1000 paths") as caught:
            call(command, story, output)
        assert caught.value.returncode == 2

    film, _ = call("render_film", story, [], "--ending=ending-1000")
    assert (film["status"], film["scenelets"]) == ("done", ["start", "ending-1000"])
    options = ("--ending=ending-7", "--ending=ending-1000")
    [manifest] = call("export_story", story, [f"--output={tmp_path / 'out'}"], *options)
    assert [path["ending"] for path in manifest["paths"]] == ["ending-7", "ending-1000"]
    [counts] = call("export_player", story, [f"--output={tmp_path / 'player'}"])
    assert counts["scenelets"] == PATHS + 1
