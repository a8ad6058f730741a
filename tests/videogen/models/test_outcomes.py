"""What became of every attempt and what it came to: the same in Python and in SQL, and true after
every change."""

from __future__ import annotations

import importlib
import random
from decimal import Decimal

import pytest
from django.apps import apps

from tests.support.factories import State, force, make_render, make_shot, make_submission
from videogen.common.errors import VeoError
from videogen.models import Submission, VideoRender
from videogen.models.outcomes import (
    Outcome,
    actual_cost_of,
    entries,
    having_entry,
    having_outcome,
    outcome_of,
)
from videogen.models.people import Requester
from videogen.models.states import OPEN
from videogen.pipeline.results import (
    apply_accepted,
    apply_poll,
    apply_poll_error,
    apply_submit_error,
)
from videogen.providers.messages import Blocked, Failed, Finished, Nothing
from videogen.recovery.decisions import allow_new_render, attach_link, look_again

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

PRICE = Decimal("3.20")
FREE = Decimal("0.00")
Sent = Submission.Outcome


@pytest.fixture(autouse=True)
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"


@pytest.fixture
def shot():
    return make_shot()


def render_of(shot, state, *outcomes, **values):
    """With submissions of these outcomes."""
    render = make_render(shot, state, submission=False, **{"backend": "gemini"} | values)
    for outcome in outcomes:
        make_submission(render, outcome, price_usd=PRICE)
    return render


def books(render):
    rows = VideoRender.objects.filter(pk=render.pk)
    [outcome] = [each for each in Outcome if having_outcome(rows, each)]
    return outcome, rows.get().actual_cost_usd


LINK = "https://generativelanguage.googleapis.com/v1beta/files/one:download?alt=media"

CASES = {
    "queued": ("queued", [], {}, Outcome.IN_FLIGHT, None),
    "waits after a refusal": ("queued", ["rejected"], {}, Outcome.IN_FLIGHT, None),
    "on its way": ("submitting", ["claimed"], {}, Outcome.IN_FLIGHT, None),
    "rendering": ("running", ["accepted"], {}, Outcome.IN_FLIGHT, None),
    "downloading": ("downloading", ["accepted"], {}, Outcome.IN_FLIGHT, None),
    "done": ("done", ["accepted"], {}, Outcome.SUCCEEDED, PRICE),
    "done at the second try": ("done", ["rejected", "accepted"], {}, Outcome.SUCCEEDED, PRICE),
    "a link settled the unknown": ("done", ["unknown"], {}, Outcome.SUCCEEDED, PRICE),
    "clip not had": ("not_downloaded", ["accepted"], {}, Outcome.SUCCEEDED, PRICE),
    "clip given up": (
        "cancelled",
        ["accepted"],
        {"download_uri": LINK},
        Outcome.SUCCEEDED,
        PRICE,
    ),
    "a link of an unknown one": ("not_downloaded", ["unknown"], {}, Outcome.UNKNOWN, None),
    "interrupted": ("interrupted", ["accepted"], {}, Outcome.UNKNOWN, None),
    "given up while it rendered": ("cancelled", ["accepted"], {}, Outcome.UNKNOWN, None),
    "unknown": ("unknown", ["unknown"], {}, Outcome.UNKNOWN, None),
    "unknown given up": ("cancelled", ["unknown"], {}, Outcome.UNKNOWN, None),
    "blocked": ("blocked", ["not_charged"], {}, Outcome.BLOCKED, FREE),
    "failed there": ("failed", ["not_charged"], {}, Outcome.FAILED, FREE),
    "refused": ("failed", ["rejected"], {}, Outcome.FAILED, FREE),
    "refused, then cancelled": ("cancelled", ["rejected"], {}, Outcome.FAILED, FREE),
    "never sent": ("failed", [], {}, Outcome.NOT_SENT, FREE),
    "cancelled in the queue": ("cancelled", [], {}, Outcome.NOT_SENT, FREE),
    "rehearsed": ("rehearsed", [], {}, Outcome.REHEARSED, FREE),
    "own video": ("done", [], {"kind": "upload"}, Outcome.NOT_SENT, FREE),
    "given link": ("done", [], {"kind": "link"}, Outcome.NOT_SENT, FREE),
    "simulated": ("done", ["accepted"], {"backend": "simulator"}, Outcome.SIMULATED, FREE),
    "simulated unknown": (
        "unknown",
        ["unknown"],
        {"backend": "simulator"},
        Outcome.SIMULATED,
        FREE,
    ),
    "simulated, open": ("running", ["accepted"], {"backend": "simulator"}, Outcome.IN_FLIGHT, None),
}


@pytest.mark.parametrize(("state", "sent", "values", "outcome", "cost"), CASES.values(), ids=CASES)
def test_every_attempt_has_one_outcome_and_its_cost(shot, state, sent, values, outcome, cost):
    render = render_of(shot, state, *sent, **values)

    assert books(render) == (outcome, cost)
    assert outcome_of(render, render.submissions.all()) == outcome
    assert actual_cost_of(render, render.submissions.all()) == cost


@pytest.mark.slow
def test_python_and_sql_agree_over_random_histories(shot):
    """Rows in every combination that the constraints allow, changed again and again by all the
    ways in which rows are changed."""
    dice = random.Random(20261122)
    for number in range(80):
        state = dice.choice([each for each in State if each not in OPEN])
        render_of(
            shot,
            state,
            *["rejected"] * dice.randrange(3),
            *dice.sample(["claimed", "accepted", "unknown", "not_charged"], dice.randrange(2)),
            kind="rehearsal" if state == "rehearsed" else dice.choice(["generation", "link"]),
            backend=dice.choice(["gemini", "gemini", "simulator"]),
            download_uri=f"{LINK}{number}"
            if state == "not_downloaded"
            else dice.choice(["", LINK]),
        )
    renders = list(VideoRender.objects.all())
    seen = _check(VideoRender.objects.all())
    _check_filters()
    for _ in range(150):
        render = dice.choice(renders)
        match dice.randrange(3):
            case 0:
                states = ("failed", "blocked", "cancelled", "unknown", "interrupted")
                force(render, state=dice.choice(states))
            case 1:
                outcome = dice.choice(["accepted", "unknown", "not_charged"])
                render.submissions.exclude(outcome="rejected").update(outcome=outcome)
            case 2:
                render.submissions.filter(outcome="rejected").update(price_usd=dice.choice([1, 2]))
        seen |= _check(VideoRender.objects.filter(pk=render.pk))

    _check_filters()
    assert seen | _check(VideoRender.objects.all()) == set(Outcome) - {Outcome.IN_FLIGHT}


def _check(renders):
    found = set()
    for render in renders.prefetch_related("submissions"):
        submissions = list(render.submissions.all())
        facts = (render.state, render.kind, [each.outcome for each in submissions])
        outcome, cost = books(render)
        assert outcome == outcome_of(render, submissions), facts
        assert cost == actual_cost_of(render, submissions), facts
        found.add(outcome)
    return found


def _check_filters():
    """The filters of the lists find what the lists then say."""
    told = {
        each.pk: outcome_of(each, list(each.submissions.all()))
        for each in VideoRender.objects.all()
    }
    lines = {each.pk: each.entry for each in entries(Submission.objects.all())}
    for line in Submission.objects.select_related("render"):
        refused = Outcome.SIMULATED if line.render.is_simulated else Outcome.FAILED
        expected = refused if line.outcome == Sent.REJECTED else told[line.render_id]
        assert lines[line.pk] == expected, (line.outcome, line.render.state)
    for outcome in Outcome:
        found = having_outcome(VideoRender.objects.all(), outcome)
        assert _keys(found) == {pk for pk, said in told.items() if said == outcome}
        found = having_entry(Submission.objects.all(), outcome)
        assert _keys(found) == {pk for pk, said in lines.items() if said == outcome}


def _keys(rows):
    return set(rows.values_list("pk", flat=True))


def test_migration_fills_what_ended_before(shot):
    for state, sent, values, _, _ in CASES.values():
        if state not in OPEN:
            render_of(shot, state, *sent, **values)
    expected = dict(VideoRender.objects.values_list("pk", "actual_cost_usd"))
    VideoRender.objects.update(actual_cost_usd=None)
    migration = importlib.import_module("videogen.migrations.0012_actual_costs")

    migration.fill(apps, None)

    assert dict(VideoRender.objects.values_list("pk", "actual_cost_usd")) == expected
    assert {PRICE, FREE, None} == set(expected.values())


def test_every_line_of_the_books_is_settled_by_itself(shot):
    """A refusal stays one, whatever becomes of the render that is sent again."""
    render_of(shot, "done", "rejected", "accepted")
    render_of(shot, "failed", "rejected", backend="simulator")
    render_of(shot, "running", "accepted")

    lines = entries(Submission.objects.order_by("render_id", "-outcome"))

    assert [(each.outcome, each.entry, each.actual_usd) for each in lines] == [
        ("rejected", "failed", FREE),
        ("accepted", "succeeded", PRICE),
        ("rejected", "simulated", FREE),
        ("accepted", "in_flight", None),
    ]


# -- as the pipeline writes it ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "cost"),
    [
        (Blocked(("violence",), ("61493863",)), Outcome.BLOCKED, FREE),
        (Failed(13, "internal"), Outcome.FAILED, FREE),
        (Nothing(), Outcome.UNKNOWN, None),
        (Finished(LINK), Outcome.IN_FLIGHT, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_settle_the_render(shot, answer, outcome, cost):
    render = render_of(shot, "running", "accepted")

    apply_poll(render, answer)

    assert books(render) == (outcome, cost)


def test_a_refused_submission_costs_nothing(shot):
    render = render_of(shot, "submitting", "claimed")

    apply_submit_error(
        render.submissions.get(), VeoError("No.", code="bad", permanent=True, maybe_accepted=False)
    )

    assert books(render) == (Outcome.FAILED, FREE)


def test_unknown_stays_open_until_it_is_looked_at_again(shot):
    render = render_of(shot, "running", "accepted", operation_name="models/m/operations/o")
    apply_poll(render, Nothing())
    assert books(render) == (Outcome.UNKNOWN, None)

    assert look_again(VideoRender.objects.get(pk=render.pk))
    assert books(render) == (Outcome.IN_FLIGHT, None)

    apply_poll(VideoRender.objects.get(pk=render.pk), Failed(13, "internal"))
    assert books(render) == (Outcome.FAILED, FREE)


def test_an_answer_that_turns_up_late_reopens_the_books(shot):
    render = render_of(shot, "unknown", "unknown")

    assert apply_accepted(render.submissions.get().token, "models/m/operations/late")

    assert books(render) == (Outcome.IN_FLIGHT, None)


def test_a_render_given_up_keeps_its_possible_charge(shot):
    render = render_of(shot, "unknown", "unknown")

    assert allow_new_render(render)
    assert books(render) == (Outcome.UNKNOWN, None)

    # Somebody has looked at the account: it was not charged.
    render.submissions.update(outcome=Sent.NOT_CHARGED)
    assert books(render) == (Outcome.FAILED, FREE)


def test_a_link_reopens_it_and_the_video_settles_it(shot):
    render = render_of(shot, "unknown", "unknown")

    assert attach_link(render, LINK, Requester("admin", name="Ada"))
    assert books(render) == (Outcome.IN_FLIGHT, None)

    render.move(State.DOWNLOADING, State.DONE, take=1, video_file="take-1.mp4")
    assert books(render) == (Outcome.SUCCEEDED, PRICE)


def test_interrupted_is_open_until_it_is_resumed(shot):
    render = render_of(shot, "running", "accepted")
    error = VeoError("Not yours.", code="forbidden", permanent=True)
    for _ in range(3):
        apply_poll_error(VideoRender.objects.get(pk=render.pk), error)
    assert books(render) == (Outcome.UNKNOWN, None)

    render = VideoRender.objects.get(pk=render.pk)
    render.resume_polling(State.INTERRUPTED)
    assert books(render) == (Outcome.IN_FLIGHT, None)
