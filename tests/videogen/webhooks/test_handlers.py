"""What happens sooner because of an event, and what an event never changes."""

from __future__ import annotations

import json
import socket
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.event_senders import static_headers, video_event
from tests.support.factories import (
    force,
    make_lane,
    make_render,
    make_shot,
    make_story,
    make_submission,
)
from tests.support.far_end import NOWHERE
from tests.support.installations import wait_until
from tests.support.pipeline import queue, work
from tests.support.receivers import new_secret
from tests.support.site import Site
from videogen.common.errors import submitter_gone
from videogen.models import Candidate, KeptCharge, Submission, VideoRender, WipedStory
from videogen.pipeline import journal
from videogen.pipeline.pump import Pump
from videogen.pipeline.results import apply_accepted, apply_submit_error
from videogen.recovery.candidates import dismiss_candidate
from videogen.recovery.reconcile import reconcile
from videogen.webhooks import signatures

State = VideoRender.State
Outcome = Submission.Outcome

SECRET = new_secret()
OPERATION = "models/veo-3.1-generate-preview/operations/late1"
FILE = f"{NOWHERE}/v1beta/files/abc123def456:download?alt=media"


@pytest.fixture
def tell(client, settings):
    """tell(event) sends a genuine event, as the webhook of the project does."""
    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = SECRET

    def tell(event):
        body = json.dumps(event).encode()
        response = client.post(
            "/events/video/",
            body,
            content_type="application/json",
            headers=static_headers(SECRET, body),
        )
        assert response.status_code == 204
        return response

    return tell


def far_off():
    return timezone.now() + timedelta(hours=1)


def running(**values):
    return make_render(make_shot(**values), "running", next_poll_at=far_off())


def unknown(shot=None, **values):
    render = make_render(shot or make_shot(), "unknown", **values)
    return render, render.submissions.get().token


def row(render):
    return VideoRender.objects.filter(pk=render.pk).values().get()


def is_due(render):
    return row(render)["next_poll_at"] <= timezone.now()


# -- when to look ----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "shorten",
    [str, lambda name: name.partition("/operations/")[2], lambda name: name.split("/", 2)[2]],
    ids=["whole", "id", "operations/id"],
)
def test_its_operation_is_asked_about_at_once(tell, shorten):
    render, other = running(), running(story_id="other")

    tell(video_event(shorten(render.operation_name), output_file_uri=FILE))

    assert is_due(render)
    assert not is_due(other)
    found = VideoRender.objects.get(pk=render.pk)
    assert (found.state, found.download_uri) == (State.RUNNING, "")
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "requires_action"])
def test_an_interaction_is_asked_about_at_once(tell, end):
    name = "v1_ChdpbnRlcmFjdGlvbg"
    render = make_render(
        make_shot(), "running", route="omni", operation_name=name, next_poll_at=far_off()
    )

    tell({"type": f"interaction.{end}", "data": {"id": name}})

    assert is_due(render)
    assert row(render)["state"] == State.RUNNING


@pytest.mark.django_db
def test_the_token_alone_tells_which(tell):
    render = running()

    tell(video_event("", token=render.submissions.get().token))

    assert is_due(render)


@pytest.mark.django_db
def test_what_comes_again_wakes_nobody_again(tell):
    render = running()

    for _ in range(3):
        tell(video_event(render.operation_name))

    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["late", "xlate1", "operations/late", "operations/LATE1/x", "%"])
def test_a_name_that_is_only_like_it_is_another(tell, name):
    render = make_render(make_shot(), "running", operation_name=OPERATION, next_poll_at=far_off())

    tell(video_event(name))

    assert not is_due(render)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["batch.succeeded", "webhook.ping", "videos", "video_generated"])
def test_other_events_are_no_news(tell, kind):
    render = running()

    tell(video_event(render.operation_name, token=render.submissions.get().token) | {"type": kind})

    assert not is_due(render)
    assert OrmQ.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state",
    [
        *("queued", "downloading", "done", "interrupted", "not_downloaded", "failed", "blocked"),
        *("cancelled", "rehearsed"),
    ],
)
def test_who_does_not_wait_is_left_alone(tell, state):
    render = make_render(make_shot(), state, operation_name=OPERATION)
    token = render.submissions.get().token if render.submissions.exists() else None
    before, books = row(render), list(Submission.objects.values())

    tell(video_event(OPERATION, token=token, output_file_uri=FILE))

    assert (row(render), list(Submission.objects.values())) == (before, books)
    assert Candidate.objects.count() == OrmQ.objects.count() == 0


@pytest.mark.django_db
def test_an_approved_take_stays_as_it_is(tell):
    render = make_render(make_shot(), "done", review="approved", operation_name=OPERATION)
    before = row(render)

    tell(video_event(OPERATION, token=render.submissions.get().token, output_file_uri=FILE))

    assert row(render) == before


# -- whose answer was lost -------------------------------------------------------------------------


@pytest.mark.django_db
def test_our_token_brings_the_operation_that_nobody_knew(tell):
    render, token = unknown()

    tell(video_event(OPERATION, token=token, output_file_uri=FILE))

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, OPERATION)
    assert (render.download_uri, render.error_code, render.ended_at) == ("", "", None)
    assert is_due(render)
    assert "webhook with our token" in render.warnings[-1]
    submission = render.submissions.get()
    assert (submission.outcome, submission.operation_name) == (Outcome.ACCEPTED, OPERATION)
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_a_second_time_it_changes_nothing(tell):
    render, token = unknown()
    event = video_event(OPERATION, token=token, output_file_uri=FILE)
    tell(event)
    force(render, state=State.INTERRUPTED)
    before = row(render)

    tell(event)

    assert row(render) == before
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("told", [OPERATION, "operations/late1", "late1"])
def test_an_event_that_is_faster_than_the_answer_names_nothing(tell, told):
    render = make_render(make_shot(), "submitting")
    token = render.submissions.get().token
    journal.write_answer(token, OPERATION)

    tell(video_event(told, token=token, output_file_uri=FILE))

    assert row(render)["state"] == State.SUBMITTING
    assert list(journal.read_answers()) != []

    assert apply_accepted(token, OPERATION)

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, OPERATION)
    assert render.submissions.get().operation_name == OPERATION


@pytest.mark.django_db
def test_the_operation_of_an_early_event_is_taken_where_no_answer_comes(tell, simulator):
    render = make_render(make_shot(), "submitting")
    tell(video_event(OPERATION, token=render.submissions.get().token))

    apply_submit_error(render.submissions.get(), submitter_gone())
    reconcile()

    assert (row(render)["state"], row(render)["operation_name"]) == (State.RUNNING, OPERATION)


@pytest.mark.django_db
def test_an_operation_of_veo_is_no_interaction(tell):
    render, token = unknown(route="omni")

    tell(video_event("operations/late1", token=token))

    assert row(render)["state"] == State.UNKNOWN
    assert Candidate.objects.count() == 0


@pytest.mark.django_db
def test_an_interaction_with_our_token_is_polled(tell):
    render, token = unknown(route="omni")

    tell(
        {
            "type": "interaction.completed",
            "data": {"id": "v1_late"},
            "user_metadata": {"submission_token": str(token)},
        }
    )

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, "v1_late")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "late1"], ids=["no id", "an id that cannot be asked about"])
@pytest.mark.parametrize("told", [{"file_name": "files/abc123def456"}, {}], ids=["file", "link"])
def test_a_file_with_our_token_is_downloaded(tell, name, told):
    render, token = unknown()

    tell(video_event(name, token=token, output_file_uri=FILE, **told))

    render.refresh_from_db()
    assert (render.state, render.download_uri) == (State.DOWNLOADING, FILE)
    assert render.submissions.get().outcome == Outcome.ACCEPTED
    assert Candidate.objects.get().name == "files/abc123def456"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v1beta/files/abc123:download?alt=media",
        "http://storage.googleapis.com/files/abc123",
        "gs://bucket/files/abc123",
        "https://127.0.0.1@elsewhere.example/files/abc123",
        "file:///files/abc123",
        "https://[/files/abc123",
        "https://storage.googleapis.com/" + "a" * 3000,
        "",
        None,
        7,
    ],
    ids=lambda link: str(link)[:50],
)
def test_a_link_that_a_poll_could_not_lead_to_is_not_taken(tell, link):
    render, token = unknown()
    before = row(render)

    tell(video_event("", token=token, output_file_uri=link, file_name="files/abc123"))

    assert row(render) == before
    assert Candidate.objects.count() == 0


@pytest.mark.django_db
def test_the_key_in_a_link_is_not_kept(tell, settings):
    render, token = unknown()

    tell(video_event("", token=token, output_file_uri=f"{FILE}&key={settings.GEMINI_API_KEY}"))

    render.refresh_from_db()
    assert render.download_uri == FILE


@pytest.mark.django_db
def test_beside_another_open_render_it_is_kept_until_that_has_ended(tell, simulator):
    shot = make_shot()
    render, token = unknown(shot)
    other = make_render(shot, "queued")
    tell(video_event(OPERATION, token=token, output_file_uri=FILE))

    assert row(render)["state"] == State.UNKNOWN
    assert Candidate.objects.get().status == "proposed"

    other.move(State.QUEUED, State.CANCELLED)
    reconcile()

    assert row(render)["state"] == State.RUNNING


@pytest.mark.django_db
def test_a_file_is_kept_while_the_answer_may_still_come(tell, simulator):
    render = make_render(make_shot(), "submitting")
    token = render.submissions.get().token
    tell(video_event("", token=token, output_file_uri=FILE))

    assert row(render)["state"] == State.SUBMITTING

    apply_submit_error(render.submissions.get(), submitter_gone())
    reconcile()

    assert (row(render)["state"], row(render)["download_uri"]) == (State.DOWNLOADING, FILE)


@pytest.mark.django_db
def test_what_a_person_said_is_not_ours_stays_so(tell):
    render, token = unknown()
    candidate = Candidate.objects.create(lane=render.lane, source="operations", name=OPERATION)
    dismiss_candidate(candidate)

    tell(video_event(OPERATION, token=token))

    assert row(render)["state"] == State.UNKNOWN


@pytest.mark.django_db
@pytest.mark.parametrize(
    "token",
    ["00000000-0000-4000-8000-000000000000", "not-a-token", ["a"], ""],
    ids=["another installation's", "no token", "a list", "empty"],
)
def test_a_token_of_somebody_else_is_no_news(tell, token):
    render, _ = unknown()
    before = row(render)
    event = video_event(OPERATION, output_file_uri=FILE)

    tell(event | {"user_metadata": {"submission_token": token}})

    assert row(render) == before
    assert Candidate.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["running", "submitting", "unknown"])
@pytest.mark.parametrize(("ours", "its"), [("simulator", "gemini"), ("vertex", "vertex")])
def test_of_another_backend_nothing_is_believed(tell, settings, state, ours, its):
    settings.VIDEO_BACKEND = ours
    render = make_render(make_shot(), state, backend=its, next_poll_at=far_off())
    before = row(render)

    tell(video_event(render.operation_name or OPERATION, token=render.submissions.get().token))

    assert row(render) == before
    assert Candidate.objects.count() == 0


@pytest.mark.django_db
def test_an_attempt_that_surely_was_not_accepted_is_not_revived(tell):
    render = make_render(make_shot(), "queued")
    token = make_submission(render, Outcome.REJECTED).token
    make_submission(render, Outcome.CLAIMED)
    force(render, state=State.SUBMITTING)
    before = row(render)

    tell(video_event(OPERATION, token=token))

    assert row(render) == before


# -- with the simulator ----------------------------------------------------------------------------


@pytest.fixture
def deliver(client, far_end):
    """The simulator sends its events to far_end, and the test passes them on one by one."""
    far_end.answer(200)
    signatures._key_sets.clear()

    def deliver():
        end = time.monotonic() + 20
        while not far_end.requests:
            assert time.monotonic() < end, "no event came"
            time.sleep(0.02)
        _, _, headers, body = far_end.requests.pop(0)
        given = {name: value for name, value in headers.items() if name.startswith("webhook-")}
        return client.post(
            "/events/video/", body, content_type="application/json", headers=given
        ).status_code

    return deliver


@pytest.mark.django_db
def test_a_lost_answer_comes_with_the_event(settings, simulator, fail, far_end, deliver, log):
    settings.VIDEO_SUBMIT_WEBHOOK_URI = f"{far_end.url}/told"
    fail("submit", "drop_after_accept")
    [render] = queue(make_story())
    work(render.lane)
    render.refresh_from_db()
    assert render.state == State.UNKNOWN

    assert deliver() == 204
    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)
    assert render.operation_name == log()["submissions"][0]["operation"]
    assert len(log()["submissions"]) == 1


@pytest.mark.django_db
def test_a_forged_event_of_a_lost_answer_brings_nothing(
    settings, simulator, fail, far_end, deliver
):
    settings.VIDEO_SUBMIT_WEBHOOK_URI = f"{far_end.url}/told"
    fail("submit", "drop_after_accept")
    fail("webhook", "forged")
    [render] = queue(make_story())
    work(render.lane)

    assert deliver() == 401

    assert row(render)["state"] == State.UNKNOWN


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["", "forged"])
def test_the_projects_webhook_makes_the_poll_happen(
    settings, simulator, fail, far_end, deliver, log, fault
):
    settings.VIDEO_POLL_SECONDS = 3600.0
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 120.0
    settings.VIDEO_RECEIVE_WEBHOOK_SECRET = SECRET
    simulator.change_settings({"webhook_uri": f"{far_end.url}/told", "webhook_secret": SECRET})
    if fault:
        fail("webhook", fault)
    [render] = queue(make_story())
    work(render.lane, until=lambda found: all(each.state == State.RUNNING for each in found))

    assert deliver() == (401 if fault else 204)

    if fault:
        pump = Pump(render.lane)
        pump.tick(0.1)
        pump.close()
        assert row(render)["state"] == State.RUNNING
        return
    work(render.lane)
    render.refresh_from_db()
    assert render.state == State.DONE
    assert log()["operations"][render.operation_name]["polls"] == 1


@pytest.mark.slow
def test_a_whole_installation_polls_when_it_is_told(tmp_path):
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    site = Site(
        tmp_path,
        VIDEO_POLL_SECONDS="3600",
        VIDEO_OPERATION_DEADLINE_MINUTES="120",
        VIDEO_SUBMIT_WEBHOOK_URI=f"http://127.0.0.1:{port}/events/video/",
    )
    installation = site.installation
    try:
        site.prepare()
        site.bring_story("told", 2)
        installation.start_simulator("--latency=3")
        installation.script_fault("submit", "drop_after_accept")
        installation.start("runserver", "--noreload", f"127.0.0.1:{port}")
        installation.start("work")
        installation.run_task("told", "--no-wait")

        wait_until(lambda: set(installation.states()) == {"unknown", "running"}, 60)
        wait_until(lambda: set(installation.states()) == {"done"}, 60, "for two takes")

        assert list(installation.accepted().values()) == [1, 1]
        assert installation.simulator_log()["violations"] == []
    finally:
        site.close()


# -- of a story that was wiped ---------------------------------------------------------------------


def kept_charge(**values):
    moment = timezone.now() - timedelta(minutes=9)
    return KeptCharge.objects.create(
        story=WipedStory.objects.create(story_id="gone", archive_name="gone.zip"),
        lane=make_lane(),
        queued_at=moment,
        claimed_at=moment,
        price_usd="3.20",
        **{"outcome": Outcome.UNKNOWN} | values,
    )


@pytest.mark.django_db
def test_an_event_of_a_wiped_story_leaves_its_operation_with_the_charge(tell):
    charge = kept_charge()

    for _ in range(2):
        tell(video_event(OPERATION, token=charge.token, output_file_uri=FILE))

    charge.refresh_from_db()
    assert (charge.outcome, charge.operation_name) == (Outcome.ACCEPTED, OPERATION)
    assert list(KeptCharge.objects.answered_late()) == [charge]
    assert not Candidate.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"operation_name": "models/veo/operations/known", "outcome": "accepted"}, OPERATION),
        ({"outcome": "rejected"}, OPERATION),
        ({}, "late1"),
    ],
    ids=["it is known", "it was refused", "the name is not whole"],
)
def test_such_an_event_changes_nothing_else(tell, values, told):
    charge = kept_charge(**values)
    before = KeptCharge.objects.values().get()

    tell(video_event(told, token=charge.token))

    assert KeptCharge.objects.values().get() == before
