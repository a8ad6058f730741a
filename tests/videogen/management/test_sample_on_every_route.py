"""The sample story over every route, with one setting changed: the main job's own command, the real
SDK, HTTP and the simulator."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from videogen.models import Submission, VideoRender

SAMPLE = Path(__file__).parents[3] / "storybook/sample/the-night-the-tide-forgot"
MODELS = {
    "veo-3.1-generate-preview": "gemini",
    "veo-3.1-generate-001": "vertex",
    "gemini-omni-1.1-flash": "omni",
}


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS)
def test_one_setting_changes_the_route(settings, simulator, log, model):
    settings.VIDEO_MODEL = model
    call_command("import_story", str(SAMPLE), stdout=io.StringIO())
    out = io.StringIO()

    call_command(
        "run_task",
        "--task=CREATE_SHOT_VIDEO",
        f"--story-id={SAMPLE.name}",
        "--wait",
        "--json",
        stdout=out,
        stderr=io.StringIO(),
    )

    *rows, last = map(json.loads, out.getvalue().splitlines())
    assert {row["status"] for row in rows} == {"done"}
    assert last["summary"]["generated"] == len(rows) == 16
    renders = VideoRender.objects.all()
    assert {(each.state, each.route, each.model) for each in renders} == {
        ("done", MODELS[model], model)
    }
    assert all((Path(settings.MEDIA_ROOT) / each.video_file).is_file() for each in renders)
    assert Submission.objects.count() == len(log()["submissions"]) == 16
    assert log()["violations"] == []
