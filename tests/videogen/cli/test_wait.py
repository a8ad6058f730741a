"""What becomes of the renders of a command that works its own batch."""

from __future__ import annotations

import pytest

from tests.support.factories import make_batch, make_render, make_shot
from tests.support.pipeline import GONE
from videogen.cli.wait import release_orphans
from videogen.common.processes import this_process
from videogen.models import VideoRender

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

State = VideoRender.State

AWAY = "another-host|boot|1|1.0"


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (State.QUEUED, State.CANCELLED),
        (State.RUNNING, State.INTERRUPTED),
        (State.DOWNLOADING, State.NOT_DOWNLOADED),
    ],
)
@pytest.mark.parametrize(
    ("worked_by", "is_gone"),
    [(GONE, True), (this_process(), False), (AWAY, False), ("", False)],
    ids=["killed", "living", "on another host", "a cluster"],
)
def test_only_what_a_killed_command_left_is_settled(worked_by, is_gone, state, left):
    shot = make_shot()
    render = make_render(shot, state, batch=make_batch(shot.scenelet.story, worked_by=worked_by))

    release_orphans()

    render.refresh_from_db()
    assert render.state == (left if is_gone else state)
    assert render.error_code == ("worker_gone" if is_gone else "")
