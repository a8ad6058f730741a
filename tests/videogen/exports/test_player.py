"""The player's files: what it names is there."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from storybook.models import KeyFrame, Story
from tests.support.factories import make_story, shots_of
from tests.support.films import make_film_take

pytestmark = pytest.mark.django_db


def export(story, output):
    """Run the command and return its object and the story that the player plays."""
    out = io.StringIO()
    call_command(
        "export_player", "--story-id", story.story_id, "--output", str(output), "--json",
        stdout=out,
    )  # fmt: skip
    text = (output / story.story_id / "story.js").read_text()
    return json.loads(out.getvalue()), json.loads(text.removeprefix("window.STORY = ")[:-2])


def test_a_take_whose_file_is_gone_is_shown_as_a_still(tmp_path, settings):
    story = make_story("the-lamp")
    take = make_film_take(shots_of(story).get())
    (Path(settings.MEDIA_ROOT) / take.video_file).unlink()

    counts, played = export(story, tmp_path / "out")

    assert (counts["clips"], counts["stills"]) == (0, 1)
    [shot] = played["scenelets"]["s1"]["shots"]
    assert shot["video"] == ""
    assert (tmp_path / "out" / "the-lamp" / shot["still"]).is_file()


def test_a_key_frame_whose_file_is_gone_is_not_shown(tmp_path, settings):
    story = make_story("the-lamp")
    (Path(settings.MEDIA_ROOT) / KeyFrame.objects.get().picture.file).unlink()

    _, played = export(story, tmp_path / "out")

    [shot] = played["scenelets"]["s1"]["shots"]
    assert (shot["video"], shot["still"]) == ("", "")


def test_no_title_becomes_a_part_of_the_page(tmp_path):
    title = "</script><script>alert(1)</script>\u2028\u2029<b>&"
    story = make_story("the-lamp")
    Story.objects.update(title=title)

    _, played = export(story, tmp_path / "out")

    folder = tmp_path / "out" / "the-lamp"
    assert played["title"] == title
    script = (folder / "story.js").read_bytes()
    assert script.isascii()
    assert b"</" not in script
    page = (folder / "index.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
