"""A bundle to begin with, and imports that write nothing."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from storybook.models import Scenelet, Story

pytestmark = pytest.mark.django_db


def new_story(folder, *options):
    call_command("new_story", str(folder), *options, stdout=io.StringIO(), stderr=io.StringIO())
    return folder


def import_story(path, *options):
    """Run the command with --json and return its object."""
    out = io.StringIO()
    call_command("import_story", str(path), "--json", *options, stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def files_below(folder):
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def test_it_imports_as_it_is_without_a_warning(tmp_path):
    folder = new_story(tmp_path / "the-boat", "--title", "The Boat")

    report = import_story(folder)

    assert (report["story_id"], report["title"]) == ("the-boat", "The Boat")
    assert (report["warnings"], report["problems"]) == ([], [])
    assert report["created"] == {
        "stories": 1,
        "design_documents": 2,
        "scenelets": 3,
        "pictures": 3,
        "shots": 3,
        "key_frames": 1,
    }
    assert list(Scenelet.objects.order_by("place").values_list("place", "parent__place")) == [
        (1, None), (2, 1), (3, 1)
    ]  # fmt: skip


def test_its_readme_explains_every_key(tmp_path):
    folder = new_story(tmp_path / "boat")
    readme = (folder / "README.md").read_text()
    story = json.loads((folder / "story.json").read_text())

    for key in [*story, *story["scenelets"][1], *story["scenelets"][0]["shots"][0]]:
        if key not in ("title", "description"):
            assert f"`{key}`" in readme


@pytest.mark.parametrize(
    ("name", "story_id"),
    [("قصة", "قصة"), ("灯", "灯"), ("Das Öl", "das-ol"), ("!", "my-story"), ("y" * 240, "y" * 200)],
)
def test_a_folder_of_any_name_imports(tmp_path, name, story_id):
    report = import_story(new_story(tmp_path / name, "--title", "The\nBoat"))

    assert (report["story_id"], report["title"]) == (story_id, "The Boat")


def test_the_next_command_can_be_pasted(tmp_path):
    err = io.StringIO()
    folder = tmp_path / "قصة $HOME"

    call_command("new_story", str(folder), stdout=io.StringIO(), stderr=err)

    assert shlex.split(err.getvalue())[-1] == str(folder)


def test_a_title_that_no_story_can_have_is_refused(tmp_path):
    with pytest.raises(CommandError) as caught:
        new_story(tmp_path / "boat", "--title", "x" * 501)

    assert caught.value.returncode == 2
    assert files_below(tmp_path) == []


def test_a_folder_that_is_used_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(CommandError) as caught:
        new_story(tmp_path)
    assert caught.value.returncode == 2
    assert files_below(tmp_path) == [str(tmp_path / "mine.txt")]


@pytest.mark.parametrize("is_there_already", [False, True])
def test_a_dry_run_reports_the_same_and_writes_nothing(tmp_path, settings, is_there_already):
    settings.MEDIA_ROOT = tmp_path / "media"
    folder = new_story(tmp_path / "boat")
    if is_there_already:
        import_story(folder)
        document = json.loads((folder / "story.json").read_text())
        document["title"] = "Another"
        document["scenelets"].pop()
        (folder / "story.json").write_text(json.dumps(document))
    files, rows = files_below(settings.MEDIA_ROOT), list(Story.objects.values())

    dry = import_story(folder, "--dry-run")

    assert dry["is_dry_run"]
    assert (files_below(settings.MEDIA_ROOT), list(Story.objects.values())) == (files, rows)
    real = import_story(folder)
    same = ("created", "updated", "unchanged", "kept", "warnings", "problems", "gone_shots")
    assert {name: dry[name] for name in same} == {name: real[name] for name in same}


def test_problems_are_told_as_json_and_nothing_is_imported(tmp_path):
    folder = new_story(tmp_path / "boat")
    document = json.loads((folder / "story.json").read_text())
    document["scenelets"][1]["shots"][0]["shot_index"] = 0
    (folder / "story.json").write_text(json.dumps(document))
    out = io.StringIO()

    with pytest.raises(CommandError) as caught:
        call_command("import_story", str(folder), "--dry-run", "--json", stdout=out)

    assert caught.value.returncode == 1
    [problem] = json.loads(out.getvalue())["problems"]
    assert problem["place"] == "scenelets[1].shots[0].shot_index"
    assert problem["message"]
    assert not Story.objects.exists()


def test_an_import_that_is_not_possible_is_told_as_json(tmp_path, settings):
    folder = new_story(tmp_path / "boat")
    (tmp_path / "file").write_text("in the way")
    settings.MEDIA_ROOT = tmp_path / "file" / "media"
    out = io.StringIO()

    with pytest.raises(CommandError) as caught:
        call_command("import_story", str(folder), "--json", stdout=out, stderr=io.StringIO())

    assert caught.value.returncode == 1
    [problem] = json.loads(out.getvalue())["problems"]
    assert "MEDIA_ROOT" in problem["message"] or "MEDIA_ROOT" in problem["place"]
