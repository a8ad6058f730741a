"""Every door by which a render's download starts again ends in the same row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.factories import make_render, make_shot
from videogen.models import Candidate, Submission, VideoRender
from videogen.models.people import Requester
from videogen.planning.enqueue import queue_renders
from videogen.planning.plan import plan_shots
from videogen.recovery.candidates import take_candidate
from videogen.recovery.decisions import attach_link
from videogen.recovery.own_bucket import take_result
from videogen.recovery.reconcile import reconcile
from videogen.recovery.redownload import download_again
from videogen.takes.download_worker import Downloads

pytestmark = pytest.mark.django_db

State = VideoRender.State
LINK = "https://example.org/v1beta/files/found:download?alt=media"


def by_a_person(render):
    assert attach_link(render, LINK, Requester("admin", name="mira"))


def from_our_bucket(render):
    assert take_result(render, LINK)


def from_a_candidate(render):
    candidate = Candidate.objects.create(
        lane=render.lane, source="generated_files", name="files/found", download_uri=LINK
    )
    assert take_candidate(candidate, render, "mira")


def by_asking(render):
    [line] = reconcile().lines
    assert line.done == "Its clip is downloaded."


def by_itself(render):
    assert download_again() == 1


def by_a_plan(render):
    story = render.shot.scenelet.story
    plan = plan_shots(story, type(render.shot).objects.filter(pk=render.shot_id), "resume")
    queued = queue_renders(plan, Requester("command"), task="CREATE_SHOT_VIDEO")
    assert queued.render_ids == {render.pk}


@pytest.mark.parametrize(
    ("state", "restart", "attempts"),
    [
        (State.UNKNOWN, by_a_person, 0),
        (State.NOT_DOWNLOADED, by_a_person, 0),
        (State.UNKNOWN, from_our_bucket, 0),
        (State.UNKNOWN, from_a_candidate, 0),
        (State.NOT_DOWNLOADED, by_asking, 0),
        # Their number says how long it waits for the next try.
        (State.NOT_DOWNLOADED, by_itself, 3),
        (State.NOT_DOWNLOADED, by_a_plan, 0),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_download_starts_again(settings, tmp_path, state, restart, attempts):
    settings.MEDIA_ROOT = tmp_path
    made = timezone.now() - timedelta(hours=1)
    render = make_render(
        make_shot(),
        state,
        touched_ago=6 * 60,
        operation_name="",
        rendered_at=made,
        downloader="host|boot|1|1.00",
        download_lease_until=timezone.now() + timedelta(hours=1),
        not_before=timezone.now() + timedelta(hours=1),
        download_attempts=3,
        error_code="broken_off",
        error_message="It was interrupted.",
    )
    before = timezone.now()
    link = render.download_uri or LINK
    submission = Submission.objects.get()

    restart(render)

    row = VideoRender.objects.get()
    assert (row.state, row.status, row.ended_at) == (State.DOWNLOADING, State.DOWNLOADING, None)
    assert row.download_uri == (LINK if restart is by_a_person else link)
    assert (row.downloader, row.download_lease_until, row.not_before) == ("", None, None)
    assert (row.error_code, row.error_message) == ("", "")
    assert (row.download_attempts, row.rendered_at) == (attempts, made)
    assert min(row.beat_at, row.state_since) >= before
    assert list(Downloads([row.lane])._due()) == [row]
    assert OrmQ.objects.exists(), "a worker is woken"
    assert Submission.objects.get() == submission, "nothing is sent"
