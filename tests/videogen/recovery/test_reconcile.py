"""The API asked again, with the real client and the simulator: what is found, taken, proposed."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.client_cases import video_request
from tests.support.factories import (
    PAYLOAD,
    force,
    make_render,
    make_shot,
    make_story,
    make_submission,
    only_shot,
    shots_of,
)
from tests.support.far_end import NOWHERE
from tests.support.installations import wait_until
from tests.support.pipeline import queue, work
from videogen.common.errors import RequestError
from videogen.models import Candidate, Submission, VideoRender
from videogen.pipeline.pump import Pump
from videogen.providers.registry import open_client
from videogen.recovery import candidates, previews
from videogen.recovery.candidates import (
    certain_pairs,
    dismiss_candidate,
    possible_makers,
    proposals,
    propose_again,
    read_known,
    take_candidate,
)
from videogen.recovery.reconcile import ask_when_due, reconcile
from videogen.recovery.unresolved import asked_last
from videogen.story_archives.archive import archive_story
from videogen.story_archives.wipe import wipe_story

pytestmark = pytest.mark.django_db

State = VideoRender.State
Outcome = Submission.Outcome
Status = Candidate.Status


@pytest.fixture
def offered(simulator):
    """Both lists, with the times that the published schema does not have."""
    simulator.change_settings(
        {"list_operations": True, "list_generated_files": True, "list_details": True}
    )
    return simulator


@pytest.fixture
def lose(fail):
    """lose(story): renders that the API accepted and whose answers were lost."""

    def lose(story, *, fault="drop_after_accept"):
        fail("submit", fault, times=-1)
        renders = queue(story)
        work(renders[0].lane)
        fail_no_more()
        for render in renders:
            render.refresh_from_db()
            assert render.state == State.UNKNOWN
        # While a video is being made, the list of operations may come before its end and the list
        # of files after it. Then both name the same video, and nobody can tell.
        wait_until(lambda: have_ended(lose.simulator), 30, "for the operations to end")
        return renders

    def fail_no_more():
        lose.simulator.faults.clear()

    return lose


@pytest.fixture(autouse=True)
def faults_of(request):
    if "lose" in request.fixturenames:
        request.getfixturevalue("lose").simulator = request.getfixturevalue("simulator")


def have_ended(simulator):
    return all(simulator.advance(each).outcome for each in simulator.store.all())


def two_shots():
    """A story of two shots whose prompts differ."""
    story = make_story(shots=2)
    for shot in shots_of(story):
        shot.storyboard_payload = {**PAYLOAD, "framingAndAngle": f"number {shot.shot_index}"}
        shot.save()
    return story


def accepted(log):
    return [each["operation"] for each in log()["submissions"] if each["operation"]]


def foreign_operation():
    """What somebody else with the same project submitted."""
    client = open_client("gemini", submits=True)
    return client.submit(video_request())


# -- the one and only ------------------------------------------------------------------------------


def test_a_timed_out_submission_is_found_taken_and_becomes_a_take(settings, offered, lose, log):
    settings.VIDEO_SUBMIT_TIMEOUT_SECONDS = 0.5
    [render] = lose(make_story(), fault="hang")

    report = reconcile()

    [line] = report.lines
    assert (line.status, line.goes_on, report.open) == (State.UNKNOWN, True, [])
    assert ("list of operations", "It was read.") in line.asked
    assert line.found == f"list of operations: {accepted(log)[0]}"
    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, accepted(log)[0])
    assert (render.error_code, render.error_message) == ("", "")
    submission = render.submissions.get()
    assert (submission.outcome, submission.operation_name) == (
        Outcome.ACCEPTED,
        render.operation_name,
    )
    candidate = Candidate.objects.get()
    assert (candidate.status, candidate.render) == (Status.TAKEN, render)
    assert candidate.made_at >= submission.claimed_at
    assert OrmQ.objects.count() == 1

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)
    assert len(log()["submissions"]) == 1
    assert reconcile().lines == []


def test_by_the_list_of_files_alone(offered, lose, log):
    offered.change_settings({"list_operations": False})
    [render] = lose(make_story())
    wait_for_files(offered)

    report = reconcile()

    assert report.ways["list of operations"] == "The API does not offer it."
    render.refresh_from_db()
    assert render.state == State.DOWNLOADING
    assert render.rendered_at == Candidate.objects.get(source="generated_files").made_at
    assert render.submissions.get().outcome == Outcome.ACCEPTED

    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)
    assert len(log()["submissions"]) == 1


def wait_for_files(simulator, count=1):
    """Until so many clips are made."""
    for _ in range(400):
        if len(open_client("gemini").list_generated_files()) >= count:
            return
        simulator.stopping.wait(0.02)
    pytest.fail("no clip was made")


def test_with_our_token_two_at_once_are_told_apart(settings, offered, lose, log):
    settings.VIDEO_SUBMIT_WEBHOOK_URI = f"{NOWHERE}/told"
    renders = lose(two_shots())

    report = reconcile()

    assert [line.done for line in report.lines] == ["Taken: our token came with it."] * 2
    by_prompt = {each["prompt"]: each["operation"] for each in log()["submissions"]}
    for render in renders:
        render.refresh_from_db()
        assert (render.state, render.operation_name) == (
            State.RUNNING,
            by_prompt[render.prompt_text],
        )


def test_without_a_webhook_address_the_request_has_no_word_of_one(simulator, log):
    render, *_ = queue(make_story())
    work(render.lane)

    [received] = log()["submissions"]
    assert received["webhook"] is None


# -- what is in doubt ------------------------------------------------------------------------------


def test_two_and_two_are_proposed_and_a_person_takes_them(offered, lose, log):
    renders = lose(two_shots())

    report = reconcile()

    assert [len(line.candidates) for line in report.lines] == [2, 2]
    assert len(report.open) == 2
    assert {each.status for each in Candidate.objects.all()} == {Status.PROPOSED}
    by_prompt = {each["prompt"]: each["operation"] for each in log()["submissions"]}
    for render in renders:
        render.refresh_from_db()
        assert render.state == State.UNKNOWN
        assert "2 candidates for a person to decide about." in asked_last(render).sentences
        mine = Candidate.objects.get(name=by_prompt[render.prompt_text])
        assert take_candidate(mine, render, "mira")
    work(renders[0].lane)

    for render in renders:
        render.refresh_from_db()
        assert render.state == State.DONE
        assert "Its answer was found in the list of operations; taken by mira." in render.warnings
    assert len(log()["submissions"]) == 2


def test_the_last_one_left_is_certain_again(offered, lose, log):
    first, second = lose(two_shots())
    reconcile()
    by_prompt = {each["prompt"]: each["operation"] for each in log()["submissions"]}
    take_candidate(Candidate.objects.get(name=by_prompt[first.prompt_text]), first, "mira")

    reconcile()

    second.refresh_from_db()
    assert second.operation_name == by_prompt[second.prompt_text]


def test_clips_of_candidates_are_fetched_to_be_looked_at(settings, offered, lose):
    lose(two_shots())
    wait_for_files(offered, 2)

    reconcile()

    candidates = list(Candidate.objects.all())
    assert len(candidates) == 2 and all(previews.has_preview(each) for each in candidates)
    dismiss_candidate(candidates[0])
    assert not previews.has_preview(candidates[0])


def test_what_tells_no_time_is_proposed_only(offered, lose):
    offered.change_settings({"list_details": False})
    [render] = lose(make_story())

    [line] = reconcile().lines

    assert [each.made_at for each in line.candidates] == [None]
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_a_foreign_operation_from_before_is_never_taken(offered, fail):
    foreign = foreign_operation()
    offered.store.age(foreign, 600)
    fail("submit", "drop_before_accept")
    [render] = queue(make_story())
    work(render.lane)

    [line] = reconcile().lines

    assert (line.candidates, line.found) == ([], "Nothing that may be its answer.")
    assert Candidate.objects.get().name == foreign
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_operations_and_files_of_our_own_are_no_candidates(offered, lose, log):
    done, *_ = queue(make_story("first"))
    work(done.lane)
    [render] = lose(make_story("second"))

    reconcile()

    render.refresh_from_db()
    assert render.operation_name == accepted(log)[1]
    done.refresh_from_db()
    assert done.operation_name not in Candidate.objects.values_list("name", flat=True)
    assert Candidate.objects.count() == 1


def test_a_submission_under_way_may_be_its_maker_too(offered, lose, log):
    [render] = lose(make_story("first"))
    other = make_render(make_shot(story_id="second"), State.SUBMITTING)

    [line] = reconcile().lines

    assert line.candidates == [], "it may be the other one's"
    render.refresh_from_db()
    assert render.state == State.UNKNOWN
    other.submissions.update(outcome=Outcome.REJECTED)
    reconcile()
    render.refresh_from_db()
    assert render.state == State.RUNNING


def test_one_that_a_person_gave_up_may_be_its_maker_too(offered, lose):
    [render] = lose(make_story("first"))
    given_up = make_render(make_shot(story_id="second"), State.CANCELLED, submission=False)
    make_submission(given_up, Outcome.UNKNOWN, operation_name="")

    [line] = reconcile().lines

    assert len(line.candidates) == 1
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_one_that_was_given_up_and_wiped_may_be_its_maker_too(offered, lose, tmp_path):
    [render] = lose(make_story("first"))
    second = make_story("second")
    given_up = make_render(
        only_shot(second), State.CANCELLED, error_code="given_up", submission=False
    )
    make_submission(given_up, Outcome.UNKNOWN, operation_name="")
    wipe_story(second, archive_story(second, tmp_path / "second.zip"))

    [line] = reconcile().lines

    assert len(line.candidates) == 1
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


@pytest.mark.parametrize("is_file", [False, True])
def test_what_a_wiped_story_had_is_taken_for_no_other_render(tmp_path, is_file):
    """A person looks at a page on which it was proposed before a late answer named it."""
    story = make_story("second")
    link = f"{NOWHERE}/v1beta/files/xyz:download?alt=media"
    given_up = make_render(
        only_shot(story),
        State.CANCELLED,
        error_code="given_up",
        operation_name=VEO,
        download_uri=link,
    )
    make_submission(given_up, Outcome.ACCEPTED, operation_name=VEO)
    wipe_story(story, archive_story(story, tmp_path / "second.zip"))
    render = make_render(make_shot(story_id="first"), State.UNKNOWN)
    candidate = Candidate.objects.create(
        lane=render.lane,
        source="generated_files" if is_file else "operations",
        name="files/xyz" if is_file else VEO,
        download_uri=link,
    )

    assert not take_candidate(candidate, render, "mira")

    render.refresh_from_db()
    assert render.state == State.UNKNOWN


VEO = "models/veo-3.1-generate-preview/operations/xyz"
VERTEX = "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001/operations/xyz"


@pytest.mark.parametrize(
    ("name", "makers"),
    [
        (VEO, {"gemini"}),
        ("operations/xyz", {"gemini"}),
        (VERTEX, {"vertex"}),
        ("v1_xyz", {"omni"}),
        ("files/xyz", {"gemini", "omni"}),
        ("generatedFiles/xyz", {"gemini", "omni"}),
    ],
)
@pytest.mark.parametrize("route", ["gemini", "vertex", "omni"])
@pytest.mark.parametrize("with_token", [False, True])
def test_only_what_its_route_makes_may_be_its_answer(name, makers, route, with_token):
    render = make_render(make_shot(), State.UNKNOWN, route=route)
    candidate = Candidate.objects.create(
        lane=render.lane,
        source="operations",
        name=name,
        download_uri=f"{NOWHERE}/v1beta/files/xyz:download?alt=media",
        made_at=timezone.now(),
        token=render.submissions.get().token if with_token else None,
    )
    submissions = possible_makers(render.lane)

    found = (
        proposals([candidate], submissions).get(render.pk, []),
        certain_pairs([candidate], submissions),
    )

    if route in makers:
        assert found == ([candidate], [(candidate, render.pk)])
        assert take_candidate(candidate, render, "mira")
    else:
        assert found == ([], [])
        with pytest.raises(RequestError) as error:
            take_candidate(candidate, render, "mira")
        assert error.value.code == "other_route"
        render.refresh_from_db()
        candidate.refresh_from_db()
        assert (render.state, candidate.status) == (State.UNKNOWN, Status.PROPOSED)


def test_a_clip_whose_link_we_are_about_to_learn_is_not_taken_for_another(offered, lose, log):
    offered.change_settings({"list_operations": False})
    running, *_ = queue(make_story("first"))
    work(running.lane, until=lambda found: any(each.operation_name for each in found))
    running.refresh_from_db()
    force(running, state=State.RUNNING, download_uri="")
    wait_for_files(offered)
    fail_before = make_render(make_shot(story_id="second"), State.UNKNOWN)

    reconcile()

    fail_before.refresh_from_db()
    assert fail_before.state == State.UNKNOWN


def test_said_to_be_not_ours_is_proposed_no_more_until_somebody_says_so(offered, lose):
    renders = lose(two_shots())
    reconcile()
    first, second = Candidate.objects.order_by("pk")

    assert dismiss_candidate(first) and not dismiss_candidate(first)

    lines = reconcile().lines
    assert [line.candidates for line in lines] == [[second], [second]]
    assert propose_again(first)
    assert [len(line.candidates) for line in reconcile().lines] == [2, 2]
    assert not take_candidate(
        Candidate(pk=10**6, lane=renders[0].lane, name=VEO), renders[0], "mira"
    )


# -- where there is nothing to be asked ------------------------------------------------------------


def test_lists_that_are_not_offered_change_nothing(simulator, lose):
    [render] = lose(make_story())

    report = reconcile()

    assert report.ways == {
        "list of operations": "The API does not offer it.",
        "list of generated files": "The API does not offer it.",
    }
    assert [line.needs_person for line in report.lines] == [True]
    assert not Candidate.objects.exists()
    render.refresh_from_db()
    assert render.state == State.UNKNOWN
    assert "list of operations: The API does not offer it." in asked_last(render).sentences


@pytest.mark.parametrize("fault", ["internal", "drop", "garbage", "key_invalid", "endless"])
def test_a_list_that_cannot_be_had_is_told(offered, lose, fail, fault):
    [render] = lose(make_story())
    fail("list", fault, times=-1)

    report = reconcile()

    assert "The API" in report.ways["list of operations"]
    render.refresh_from_db()
    assert render.state == State.UNKNOWN


def test_without_an_api_there_are_words(settings):
    settings.GEMINI_API_KEY = ""
    make_render(make_shot(), State.UNKNOWN)

    [line] = reconcile().lines

    assert "GEMINI_API_KEY is not set" in line.asked[0][1]


def test_of_another_backend_it_is_told(settings):
    make_render(make_shot(), State.UNKNOWN, backend="gemini")

    [line] = reconcile().lines

    assert "set VIDEO_BACKEND=gemini" in line.found and line.needs_person


# -- operations and links that are known -----------------------------------------------------------

SITE = "https://generativelanguage.googleapis.com/v1beta"
LINKS = [
    f"{SITE}/files/abc-1:download?alt=media",
    f"{SITE}/generatedFiles/abc-1?alt=media",
    "files/abc-1",
    "gs://clips-of-ours/videos/6f1e/17/sample_0.mp4",
]
NAMES = [
    "models/veo-3.1-generate-preview/operations/abc-1",
    "operations/abc-1",
    "projects/p/locations/l/publishers/google/models/m/operations/abc-1",
    "interactions-have-no-folder",
]
# What looks like them, and is not they.
OTHER_LINKS = [f"{SITE}/files/abc-12:download", f"{SITE}/files/ab?x=abc-1", "gs://clips-of-ours/v"]
OTHER_NAMES = ["models/m/operations/xabc-1", "operations/abc", "abc-1/operations/b", "ABC-1", ""]


@pytest.fixture
def looked_at(monkeypatch):
    """The names that were compared here, and not by the database."""
    seen = []
    key = candidates.operation_key
    monkeypatch.setattr(candidates, "operation_key", lambda name: seen.append(name) or key(name))
    return seen


def of_operation(name, link=""):
    return Candidate(name=name, download_uri=link)


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_known_by_its_render_or_its_submission(name, looked_at):
    shot = make_shot()
    for other in OTHER_NAMES:
        make_render(shot, State.DONE, operation_name=other)
    by_render = make_render(shot, State.DONE, operation_name=name, submission=False)
    candidate = of_operation(name.replace("models/veo-3.1-generate-preview/", ""))
    looked_at.clear()

    assert read_known([candidate]).knower(candidate) == by_render.pk
    assert name in looked_at and "operations/abc" not in looked_at

    VideoRender.objects.filter(pk=by_render.pk).update(operation_name="")
    assert read_known([candidate]).knower(candidate) is None
    make_submission(by_render, operation_name=name)
    assert read_known([candidate]).knower(candidate) == by_render.pk


@pytest.mark.parametrize("link", LINKS)
def test_a_file_is_known_by_any_link_to_it(link):
    shot = make_shot()
    for other in OTHER_LINKS:
        make_render(shot, State.DONE, download_uri=other)
    render = make_render(shot, State.DONE, download_uri=link)
    told = link if link.startswith("gs:") else f"{SITE}/files/abc-1"
    asked = [of_operation("operations/unknown", told), of_operation("generatedFiles/abc-1")]

    known = read_known(asked)

    assert known.knower(asked[0]) == render.pk
    assert known.knower(asked[1]) == (None if link.startswith("gs:") else render.pk)


def test_more_candidates_than_one_query_takes(django_assert_num_queries):
    """SQLite refuses a query with more than 32,766 parameters."""
    render = make_render(make_shot(), State.DONE, operation_name="models/veo/operations/op-8999")
    asked = [of_operation(f"operations/op-{number}") for number in range(9000)]

    with django_assert_num_queries(15):
        known = read_known(asked)

    assert known.knower(asked[-1]) == render.pk
    assert known.knower(asked[0]) is None


def test_what_has_no_name_knows_nothing():
    make_render(make_shot(), State.QUEUED)
    nameless = of_operation("operations/")

    assert read_known([nameless]).knower(nameless) is None
    assert read_known([]).knower(nameless) is None


def interrupted(simulator, settings):
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 0.0
    simulator.change_settings({"latency": 3.0})
    render, *_ = queue(make_story())
    work(render.lane)
    settings.VIDEO_OPERATION_DEADLINE_MINUTES = 30.0
    render.refresh_from_db()
    assert render.state == State.INTERRUPTED
    return render


def test_past_its_deadline_it_is_asked_for_by_name(settings, simulator, log):
    render = interrupted(simulator, settings)

    [line] = reconcile().lines

    assert line.done == "Nothing: it is asked again later."
    render.refresh_from_db()
    assert render.state == State.INTERRUPTED
    simulator.store.age(render.operation_name, 10)

    wait_until_made(render)
    [line] = reconcile().lines

    assert line.done == "Its clip is downloaded."
    work(render.lane)
    render.refresh_from_db()
    assert render.state == State.DONE
    assert len(log()["submissions"]) == 1


def wait_until_made(render):
    for _ in range(400):
        if type(open_client("gemini").poll(render.operation_name)).__name__ != "Running":
            return
        threading.Event().wait(0.02)


def test_interrupted_and_blocked_is_booked_as_not_charged(settings, simulator, fail):
    fail("done", "blocked")
    render = interrupted(simulator, settings)
    simulator.store.age(render.operation_name, 10)
    wait_until_made(render)

    reconcile()

    render.refresh_from_db()
    assert render.state == State.BLOCKED
    assert render.submissions.get().outcome == Outcome.NOT_CHARGED


def test_what_may_be_sent_again_is_not_sent_again_by_asking(settings, simulator, fail, log):
    """The setting is for the pump, which works what somebody has just asked for."""
    settings.VIDEO_RETRY_AUDIO_BLOCK = True
    fail("done", "blocked_audio")
    render = interrupted(simulator, settings)
    simulator.store.age(render.operation_name, 10)
    wait_until_made(render)

    reconcile()

    render.refresh_from_db()
    assert (render.state, render.audio_retries) == (State.BLOCKED, 0)
    assert len(log()["submissions"]) == 1


def test_a_forgotten_operation_that_is_known_after_all_is_paid_for(simulator, fail):
    fail("poll", "not_found", times=3)
    [render] = queue(make_story())
    work(render.lane)
    render.refresh_from_db()
    before = (render.state, render.submissions.get().outcome)
    wait_until_made(render)

    reconcile()

    render.refresh_from_db()
    assert before == (State.UNKNOWN, Outcome.UNKNOWN)
    assert render.state in (State.RUNNING, State.DOWNLOADING)
    assert render.submissions.get().outcome == Outcome.ACCEPTED


def test_a_clip_that_was_not_downloaded_is_tried_again(simulator, fail, log):
    fail("download", "internal", times=3)
    render, *_ = queue(make_story())
    work(render.lane)
    render.refresh_from_db()
    assert render.state == State.NOT_DOWNLOADED

    [line] = reconcile().lines

    assert (line.status, line.done) == (State.NOT_DOWNLOADED, "Its clip is downloaded.")
    work(render.lane)
    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)


def test_a_link_that_was_refused_for_good_needs_a_person(simulator, fail):
    fail("download", "redirect_file_scheme", times=1)
    render, *_ = queue(make_story())
    work(render.lane)

    [line] = reconcile().lines

    assert (line.found, line.needs_person) == ("Its link was refused for good.", True)
    render.refresh_from_db()
    assert render.state == State.NOT_DOWNLOADED


def test_instead_of_a_link_that_was_refused_the_api_may_tell_another(simulator):
    render, *_ = queue(make_story())
    pump = Pump(render.lane)
    while render.state != State.DOWNLOADING:
        pump.tick(0.02)
        render.refresh_from_db()
    pump.close()
    gone = f"{simulator.url}/v1beta/files/gone:download?alt=media"
    VideoRender.objects.filter(pk=render.pk).update(download_uri=gone)
    work(render.lane)
    render.refresh_from_db()
    assert (render.state, render.error_code) == (State.NOT_DOWNLOADED, "http_404")

    [line] = reconcile().lines

    assert (line.found, line.done) == ("The API tells another link.", "Its clip is downloaded.")
    work(render.lane)
    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)


# -- a rehearsal, two at once, kills ---------------------------------------------------------------


def test_a_rehearsed_asking_changes_no_row(offered, lose):
    [render] = lose(make_story())
    before = VideoRender.objects.filter(pk=render.pk).values().get()

    [line] = reconcile(is_rehearsed=True).lines

    assert line.done == "Not done, as asked: Taken: nothing else fits."
    assert VideoRender.objects.filter(pk=render.pk).values().get() == before
    assert not Candidate.objects.exists() and not OrmQ.objects.exists()


def test_of_two_people_who_take_one_wins(offered, lose):
    first, second = lose(two_shots())
    reconcile()
    one, other = Candidate.objects.order_by("pk")
    stale = Candidate.objects.get(pk=one.pk)

    assert take_candidate(one, first, "mira")

    assert not take_candidate(stale, second, "noor"), "the candidate is taken"
    assert not take_candidate(other, VideoRender.objects.get(pk=first.pk), "noor")
    other.refresh_from_db()
    assert other.status == Status.PROPOSED, "what was not taken is as it was"
    second.refresh_from_db()
    assert second.state == State.UNKNOWN


def test_a_late_answer_of_another_submission_is_respected(offered, lose, log):
    first, second = lose(two_shots())
    reconcile()
    # Where the clip is done between the two questions, its file is listed as well.
    candidate = Candidate.objects.filter(source="operations").first()
    VideoRender.objects.filter(pk=first.pk).update(operation_name=candidate.name)
    first.submissions.update(operation_name=candidate.name, outcome=Outcome.ACCEPTED)

    assert not take_candidate(candidate, second, "mira")

    reconcile()
    candidate.refresh_from_db()
    assert (candidate.status, candidate.render) == (Status.TAKEN, first)


def test_beside_another_open_render_nothing_is_taken(offered, lose):
    [render] = lose(make_story())
    make_render(render.shot, State.QUEUED)

    [line] = reconcile().lines

    assert "Another render of this shot is queued or running" in line.done
    assert Candidate.objects.get().status == Status.PROPOSED


def test_of_another_backend_nothing_is_taken(settings, offered, lose):
    [render] = lose(make_story())
    candidate = Candidate.objects.create(lane=render.lane, source="operations", name="operations/1")
    settings.VIDEO_BACKEND = "gemini"

    with pytest.raises(RequestError, match="started with simulator"):
        take_candidate(candidate, render, "mira")


@pytest.mark.parametrize("step", ["store_candidates", "certain_pairs", "take_candidate"])
def test_a_kill_between_two_steps_loses_nothing(offered, lose, monkeypatch, log, step):
    """The process ends where the step begins; what is on disk is all that the next one has."""
    [render] = lose(make_story())

    class Killed(BaseException):
        pass

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"videogen.recovery.reconcile.{step}", die)
        with pytest.raises(Killed):
            reconcile()
    render.refresh_from_db()
    assert render.state == State.UNKNOWN

    reconcile()
    work(render.lane)

    render.refresh_from_db()
    assert (render.state, render.take) == (State.DONE, 1)
    assert len(log()["submissions"]) == 1


def test_a_killed_submitter_is_settled_before_anything_is_asked(offered, log):
    """Its claim is found, its owner is gone, and the operation is taken in the same asking."""
    # It does not end between the two lists, which would both name it then.
    offered.change_settings({"latency": 600})
    foreign_operation()
    render = make_render(
        make_shot(), State.SUBMITTING, submission={"owner": "gone", "claimed_at": timezone.now()}
    )
    render.submissions.update(claimed_at=timezone.now() - timedelta(seconds=25))

    reconcile()

    render.refresh_from_db()
    assert (render.state, render.operation_name) == (State.RUNNING, accepted(log)[0])


# -- by itself -------------------------------------------------------------------------------------


def test_what_is_unknown_is_asked_about_by_itself_and_seldom(simulator, lose):
    [render] = lose(make_story())
    OrmQ.objects.all().delete()

    assert ask_when_due()
    assert not ask_when_due(), "another cluster is at it"
    assert OrmQ.objects.count() == 1

    pauses = []
    for _ in range(6):
        reconcile()
        render.refresh_from_db()
        pauses.append(round((render.next_poll_at - timezone.now()).total_seconds() / 60))
    assert pauses == [15, 30, 60, 120, 240, 240]


@pytest.mark.parametrize(
    ("minutes", "state", "hours"),
    [(0, State.UNKNOWN, 1), (15, State.UNKNOWN, 49), (15, State.NOT_DOWNLOADED, 1)],
    ids=["switched off", "the server has forgotten it", "nothing to ask for"],
)
def test_nothing_is_asked_where_it_cannot_help(settings, minutes, state, hours):
    settings.VIDEO_RECONCILE_MINUTES = minutes
    at = timezone.now() - timedelta(hours=hours)
    make_render(make_shot(), state, claimed_at=at)

    assert not ask_when_due()


def test_a_new_one_waits_until_the_last_asking_is_long_enough_ago(simulator, lose):
    lose(make_story("first"))
    reconcile()
    make_render(make_shot(story_id="second"), State.UNKNOWN, claimed_at=timezone.now())

    assert not ask_when_due()

    for render in VideoRender.objects.exclude(error_details={}):
        at = timezone.now() - timedelta(minutes=16)
        details = {"asked": {"at": at.isoformat(), "sentences": []}}
        VideoRender.objects.filter(pk=render.pk).update(error_details=details)
    assert ask_when_due()


@pytest.mark.parametrize(("hours", "is_due"), [(1, False), (24, True)], ids=["soon", "set back"])
def test_what_was_asked_before_the_clock_was_set_back_keeps_nothing_waiting(hours, is_due):
    at = timezone.now() + timedelta(hours=hours)
    details = {"asked": {"at": at.isoformat(), "sentences": []}}
    make_render(make_shot(), State.UNKNOWN, next_poll_at=at, error_details=details)

    assert ask_when_due() is is_due


def test_nothing_is_ever_submitted(offered, lose, log):
    lose(make_story(shots=3))
    for _ in range(3):
        reconcile()
        pump = Pump(VideoRender.objects.first().lane)
        pump.tick(0.02)
        pump.close()

    assert len(log()["submissions"]) == 3
    assert shots_of(VideoRender.objects.first().shot.scenelet.story).count() == 3
    assert VideoRender.objects.count() == 3
