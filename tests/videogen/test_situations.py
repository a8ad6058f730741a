from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from storybook.models import Shot
from tests.factories import make_batch, make_lane, make_render, make_shot, make_story, shots_of
from videogen.models import VideoRender
from videogen.showing import badge_of_shot, badge_of_word
from videogen.situations import (
    BadgeWord,
    annotate_badges,
    badge_word_of,
    count_badges,
    filter_by_badge,
)

pytestmark = pytest.mark.django_db

State = VideoRender.State

# A shot's renders, the oldest first → its badge.
BADGES = {
    "nothing": ([], "ready"),
    "a rehearsal": ([(State.REHEARSED, {})], "ready"),
    "a failed rehearsal": ([(State.FAILED, {"kind": "rehearsal"})], "ready"),
    "queued": ([(State.QUEUED, {})], "generating"),
    "submitting": ([(State.SUBMITTING, {"touched_ago": 60})], "generating"),
    "running": ([(State.RUNNING, {})], "generating"),
    "stale running": ([(State.RUNNING, {"touched_ago": 31})], "needs a decision"),
    "stale downloading": ([(State.DOWNLOADING, {"touched_ago": 31})], "needs a decision"),
    "stale without a beat": (
        [(State.RUNNING, {"touched_ago": 31, "beat_at": None})],
        "needs a decision",
    ),
    "running, beat now": (
        [(State.RUNNING, {"touched_ago": 60, "beat_at": timezone.now() + timedelta(days=1)})],
        "generating",
    ),
    "unknown": ([(State.UNKNOWN, {})], "needs a decision"),
    "interrupted": ([(State.INTERRUPTED, {})], "needs a decision"),
    "not downloaded": ([(State.NOT_DOWNLOADED, {})], "needs a decision"),
    "failed": ([(State.FAILED, {})], "failed"),
    "blocked": ([(State.BLOCKED, {})], "failed"),
    "cancelled": ([(State.CANCELLED, {})], "ready"),
    "failed, then cancelled": ([(State.FAILED, {}), (State.CANCELLED, {})], "ready"),
    "a take": ([(State.DONE, {})], "needs review"),
    "a selected take": ([(State.DONE, {"review": "selected"})], "needs review"),
    "an approved take": ([(State.DONE, {"review": "approved"})], "approved"),
    "a rejected take": ([(State.DONE, {"review": "rejected"})], "ready"),
    "an upload": ([(State.DONE, {"kind": "upload"})], "needs review"),
    "rejected and a new one": (
        [(State.DONE, {"review": "rejected"}), (State.DONE, {})],
        "needs review",
    ),
    # The order.
    "a decision and running": ([(State.UNKNOWN, {}), (State.RUNNING, {})], "generating"),
    "a decision and failed": ([(State.UNKNOWN, {}), (State.FAILED, {})], "needs a decision"),
    "failed after a take": ([(State.DONE, {}), (State.FAILED, {})], "failed"),
    "a take after a failure": ([(State.FAILED, {}), (State.DONE, {})], "needs review"),
    "approved and running": (
        [(State.DONE, {"review": "approved"}), (State.RUNNING, {})],
        "generating",
    ),
    # An approval settles what came before it, and nothing that comes after.
    "approved before a take": (
        [(State.DONE, {"review": "approved"}), (State.DONE, {})],
        "needs review",
    ),
    "approved after a take": (
        [(State.DONE, {}), (State.DONE, {"review": "approved"})],
        "approved",
    ),
    "the older one approved, later": (
        [(State.DONE, {"review": "approved", "reviewed_at": "later"}), (State.DONE, {})],
        "approved",
    ),
    "approved, then failed": (
        [(State.DONE, {"review": "approved"}), (State.FAILED, {})],
        "failed",
    ),
    "failed, then approved": (
        [(State.DONE, {"review": "approved", "reviewed_at": "later"}), (State.FAILED, {})],
        "approved",
    ),
    "approved and unknown": (
        [(State.UNKNOWN, {}), (State.DONE, {"review": "approved"})],
        "needs a decision",
    ),
}


def words_of(shots):
    """By shot, from SQL."""
    return dict(annotate_badges(shots).values_list("pk", "badge_word"))


@pytest.mark.parametrize(("renders", "word"), BADGES.values(), ids=BADGES.keys())
def test_badge_of_a_shot(renders, word):
    shot = make_shot(pictures={})
    for state, values in renders:
        if values.get("reviewed_at") == "later":
            values = {**values, "reviewed_at": timezone.now() + timedelta(hours=1)}
        make_render(shot, state, **values)

    assert badge_word_of(shot.renders.all()) == word
    assert words_of(Shot.objects.all()) == {shot.pk: word}
    assert badge_of_shot(shot.renders.all()) == badge_of_word(word)
    for each in BadgeWord:
        assert filter_by_badge(Shot.objects.all(), each).exists() == (each == word)


def test_what_the_simulator_made_is_nothing_to_a_real_backend(settings):
    settings.VIDEO_BACKEND = "gemini"
    simulated, real = shots_of(make_story(shots=2, pictures={}))
    make_render(simulated, State.DONE, backend="simulator")
    make_render(real, State.DONE, backend="gemini")

    found = annotate_badges(Shot.objects.all()).values_list("badge_word", "takes", "latest_video")

    assert list(found) == [("ready", 0, ""), ("needs review", 1, real.renders.get().video_file)]
    assert badge_word_of(simulated.renders.all()) == "ready"


def test_the_latest_take_is_shown_whatever_came_after_it():
    shot = make_shot(pictures={})
    make_render(shot, State.DONE, take=1, video_file="1.mp4", poster_file="1.jpg")
    make_render(shot, State.DONE, take=3, video_file="3.mp4", poster_file="3.jpg")
    make_render(shot, State.DONE, take=2, video_file="2.mp4", poster_file="2.jpg")
    make_render(shot, State.FAILED)
    make_render(shot, State.REHEARSED)

    found = annotate_badges(Shot.objects.all()).get()

    assert (found.takes, found.latest_video, found.latest_poster) == (3, "3.mp4", "3.jpg")


def test_a_shot_without_a_take_has_an_empty_one():
    make_shot(pictures={})

    found = annotate_badges(Shot.objects.all()).get()

    assert (found.takes, found.latest_video, found.latest_poster) == (0, "", "")


def test_a_list_takes_one_query_however_long(django_assert_num_queries):
    for shot in shots_of(make_story(shots=5, pictures={})):
        make_render(shot, State.DONE)
        make_render(shot, State.FAILED)

    with django_assert_num_queries(1):
        found = list(annotate_badges(filter_by_badge(Shot.objects.all(), "failed")))

    assert len(found) == 5
    assert filter_by_badge(annotate_badges(Shot.objects.all()), "failed").count() == 5


def test_badges_are_counted_in_their_order(django_assert_num_queries):
    story = make_story(shots=3, pictures={})
    make_story("other", shots=4, pictures={})
    make_render(shots_of(story)[1], State.DONE)

    with django_assert_num_queries(1):
        counts = count_badges(shots_of(story))

    assert list(counts.items()) == [
        ("generating", 0),
        ("needs a decision", 0),
        ("failed", 0),
        ("needs review", 1),
        ("approved", 0),
        ("ready", 2),
    ]


def test_a_search_that_finds_a_shot_twice_counts_it_once():
    shot = make_shot(pictures={})
    make_render(shot, State.FAILED)
    make_render(shot, State.FAILED)

    assert count_badges(Shot.objects.filter(renders__state="failed"))["failed"] == 1


@pytest.mark.parametrize("backend", ["simulator", "gemini"])
@pytest.mark.parametrize("seed", range(3))
def test_sql_and_python_say_the_same(settings, backend, seed):
    settings.VIDEO_BACKEND = backend
    chance = random.Random(seed)
    story = make_story(shots=250, pictures={})
    batch = make_batch(story)
    lanes = {name: make_lane(name) for name in ("simulator", "gemini")}
    for shot in shots_of(story):
        for take in range(1, chance.randint(0, 5) + 1):
            _make_some_render(chance, shot, take, batch, lanes)

    expected = {
        shot.pk: str(badge_of_shot(shot.renders.all()).word)
        for shot in shots_of(story).prefetch_related("renders")
    }

    assert words_of(shots_of(story)) == expected
    assert set(expected.values()) == set(BadgeWord), "every word was met"
    counts = count_badges(shots_of(story))
    for word in BadgeWord:
        found = filter_by_badge(shots_of(story), word)
        assert {shot.pk for shot in found} == {pk for pk, own in expected.items() if own == word}
        assert counts[word] == found.count()


def _make_some_render(chance, shot, take, batch, lanes):
    """A render in any state, with any review and any times that the database allows."""
    now = timezone.now()
    name = chance.choice(["simulator", "gemini"])
    state = chance.choice([State.DONE] * 9 + [State.FAILED] * 3 + list(State))
    values = {
        "kind": chance.choice(["generation"] * 4 + ["rehearsal", "link", "upload"]),
        "state_since": now - timedelta(seconds=chance.choice([0, 20, 40, 4000, 9000])),
        "beat_at": chance.choice([None, now, now - timedelta(seconds=40)]),
        "operation_name": "operation",
        "download_uri": "https://example.org/",
    }
    if state == State.DONE:
        values |= {
            "take": take,
            "review": chance.choice(list(VideoRender.Review)),
            "reviewed_at": chance.choice([None, now, now - timedelta(seconds=5000)]),
        }
    for changes in ({}, {"review": "unreviewed"}, {"state": State.CANCELLED, "take": None}):
        try:
            with transaction.atomic():
                make_render(
                    shot,
                    changes.pop("state", state),
                    batch=batch,
                    lane=lanes[name],
                    backend=name,
                    submission=False,
                    **values | changes,
                )
        except IntegrityError:
            # A second open render, or a second selected take.
            continue
        return
