from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from storybook.models import Story
from tests.support.bundles import (
    SHEET,
    picture,
    pictures,
    scenelet,
    shot,
    story,
    write_bundle,
    zip_bundle,
)
from tests.support.commands import manage

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command("import_story", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_the_result_is_a_table_and_progress_goes_to_stderr(tmp_path):
    out, err = run(write_bundle(tmp_path / "b"))

    assert out.splitlines()[0] == "My story (my-story)"
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("  shots")] == [
        ["shots", "4"]
    ]
    assert "Checking 3 pictures" in err


@pytest.mark.django_db
def test_json_is_one_object(tmp_path):
    images = pictures()
    del images[SHEET]

    out, _ = run(write_bundle(tmp_path / "b", images=images), "--json")

    (line,) = out.splitlines()
    result = json.loads(line)
    assert (result["story_id"], result["title"]) == ("my-story", "My story")
    assert result["rows"]["shots"] == {
        "created": 4,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "kept": 0,
    }
    assert [warning["path"] for warning in result["picture_warnings"]] == [SHEET]


@pytest.mark.django_db
@pytest.mark.parametrize("strange", ["第一章\u2028é🦊", "a\x1b[31mb"])
def test_strange_names_break_no_output(tmp_path, strange):
    out, _ = run(write_bundle(tmp_path / "b", story(story_id=strange)), "--json")
    table, _ = run(write_bundle(tmp_path / "b", story(story_id=strange)))

    assert json.loads(out)["story_id"] == strange
    assert len(out.splitlines()) == 1
    assert "\x1b" not in table


@pytest.mark.django_db
def test_a_zip_and_a_story_file_can_be_imported(tmp_path):
    run(zip_bundle(tmp_path / "b.zip"))
    run(write_bundle(tmp_path / "b") / "story.json")

    assert Story.objects.count() == 1


@pytest.mark.django_db
def test_every_problem_of_a_broken_bundle_is_told(tmp_path):
    document = story(title=None, scenelets=[scenelet(1, shots=[shot(0)])])

    with pytest.raises(CommandError) as failure:
        run(write_bundle(tmp_path / "b", document))

    assert failure.value.returncode == 1
    assert str(failure.value).splitlines() == [
        "The bundle was not imported, it has 2 problems:",
        "  title: missing",
        "  scenelets[0].shots[0].shot_index: has to lie between 1 and 2147483647, is 0",
    ]


@pytest.mark.django_db
def test_warnings_are_told_together_with_the_problems(tmp_path, capsys):
    document = story(title=None, scenelets=[scenelet(1, shots=[shot(1, storyboard="x")])])
    folder = write_bundle(tmp_path / "b", document)

    with pytest.raises(CommandError) as failure:
        run(folder)
    with pytest.raises(CommandError):
        call_command("import_story", str(folder), "--json")

    assert "scenelets[0].shots[0].storyboard" in str(failure.value)
    told = json.loads(capsys.readouterr().out)
    assert [each["place"] for each in told["problems"]] == ["title"]
    assert told["warnings_left_out"] == 0
    assert "scenelets[0].shots[0].storyboard" in [each["place"] for each in told["warnings"]]


@pytest.mark.django_db
def test_the_end_says_how_the_story_is_and_what_comes_next(tmp_path):
    document = story(
        story_id="my story",
        audio_design_document=None,
        scenelets=[scenelet(1, shots=[shot(1), shot(2, storyboard_payload=None)])],
    )

    out, _ = run(write_bundle(tmp_path / "b", document, {SHEET: picture(size=(640, 360))}))

    health, board, command = out.splitlines()[-3:]
    assert health == (
        "Health: 0 of 2 shots can be rendered, no audio design document, 1 without a storyboard, "
        "1 of 2 designs have a picture, 1 warning."
    )
    assert board == f"Board: /admin/storybook/story/{Story.objects.get().pk}/board/"
    assert command.endswith("--story-id 'my story' --mode dry-run")


@pytest.mark.django_db
def test_warnings_and_shots_that_are_gone_are_told(tmp_path, settings):
    settings.VIDEO_SITE_URL = "https://videogen.example"
    run(write_bundle(tmp_path / "a"))
    payload = {"referencedDesigns": {"characters": ["Ada"]}}
    shots = [shot(1, storyboard_payload=payload), shot(2, storyboard_payload=payload)]
    folder = write_bundle(tmp_path / "b", story(scenelets=[scenelet(1, shots=shots)]))

    table, _ = run(folder)
    result = json.loads(run(folder, "--json")[0])

    place = "scenelets[0].shots[0].storyboard_payload.referencedDesigns.characters[0]"
    sentence = "The shot names character Ada, which has no design: did you mean ada?"
    assert f"  {place}: {sentence} (The same in one more place.)" in table.splitlines()
    assert "  S02-01 · scenelet-2" in table.splitlines()
    assert result["warnings"][0] == {
        "place": place,
        "code": "no_design",
        "message": sentence,
        "more": 1,
    }
    assert [each["code"] for each in result["warnings"][1:]] == ["tiny", "tiny"]
    assert result["gone_shots"] == [
        {
            "scenelet_id": "scenelet-2",
            "shot_index": index,
            "code": f"S02-0{index}",
            "title": "scenelet-2",
            "was_gone": True,
        }
        for index in (1, 2)
    ]
    assert result["health"]["shots"] == 2
    assert result["board"].startswith("https://videogen.example/admin/")
    assert result["next_command"].startswith("manage.py run_task ")


@pytest.mark.django_db
def test_files_that_no_document_names_are_told(tmp_path):
    names = [f"extra/{number}.png" for number in range(12)] + ["Thumbs.db", ".DS_Store"]
    images = pictures() | dict.fromkeys(names, b"")
    folder = write_bundle(tmp_path / "b", images=images)

    table, _ = run(folder)
    result = json.loads(run(folder, "--json")[0])

    assert "In images/, but named by no document: 12 files (extra/0.png, extra/1.png, " in table
    assert result["unnamed_count"] == len(result["unnamed_files"]) == 12


@pytest.mark.django_db
def test_many_problems_are_not_many_lines(tmp_path):
    folder = write_bundle(tmp_path / "b", story(scenelets=[{}] * 1000))

    with pytest.raises(CommandError) as failure:
        run(folder)

    lines = str(failure.value).splitlines()
    assert len(lines) == 202
    assert lines[0] == "The bundle was not imported, it has 3000 problems:"
    assert lines[-1] == "  … and 2800 more."


@pytest.mark.django_db
def test_a_path_that_does_not_exist_is_wrong_usage(tmp_path):
    with pytest.raises(CommandError, match="no file or folder") as failure:
        run(tmp_path / "gone")

    assert failure.value.returncode == 2


def in_a_process(tmp_path, *arguments, database="db.sqlite3"):
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": f"sqlite:///{tmp_path / database}",
            "MEDIA_ROOT": str(tmp_path / "media"),
            "VIDEO_STATE_DIR": str(tmp_path / "var"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_database_without_tables_is_told(tmp_path, media):
    result = in_a_process(tmp_path, "import_story", write_bundle(tmp_path / "b"))

    assert result.returncode == 1
    assert "manage.py migrate" in result.stderr
    assert result.stdout == ""
    assert not media.exists()


def test_a_database_that_cannot_be_opened_is_told(tmp_path):
    folder = write_bundle(tmp_path / "b")

    result = in_a_process(tmp_path, "import_story", folder, database="no/such/folder/db.sqlite3")

    assert result.returncode == 1
    assert "database cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.django_db
def test_exit_codes(tmp_path):
    folder = write_bundle(tmp_path / "b")
    broken = write_bundle(tmp_path / "broken", {})

    codes = [
        manage("import_story", *arguments).returncode
        for arguments in ([folder], [folder, "--json"], [broken], [tmp_path / "gone"], [])
    ]

    assert codes == [0, 0, 1, 2, 2]
