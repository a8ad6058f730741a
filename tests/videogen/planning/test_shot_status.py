from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from storybook.models import Shot
from tests.support.factories import (
    force,
    make_batch,
    make_lane,
    make_render,
    make_shot,
    make_story,
    shots_of,
)
from videogen.common.formats import media_url
from videogen.models import ShotStanding, VideoRender, fill_standings
from videogen.models.states import BadgeWord
from videogen.planning.shot_status import (
    badge_word_of,
    count_badges,
    count_badges_by_story,
    count_videos,
    filter_by_badge,
    filter_by_video,
    find_missing,
    find_situations,
)
from videogen.views.components.badges import badge_of_shot, badge_of_word
from videogen.views.components.shot_cards import ShotCard, for_cards

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
    "cancelled": ([(State.CANCELLED, {})], "cancelled"),
    "cancelled by a person": ([(State.CANCELLED, {"error_code": "cancelled"})], "cancelled"),
    "stopped with its command": ([(State.CANCELLED, {"error_code": "stopped"})], "cancelled"),
    "failed, then cancelled": ([(State.FAILED, {}), (State.CANCELLED, {})], "cancelled"),
    "given up": ([(State.CANCELLED, {"error_code": "given_up"})], "given up"),
    "an unknown one given up": ([(State.CANCELLED, {"error_code": "submitter_gone"})], "given up"),
    "rejected, then cancelled": (
        [(State.DONE, {"review": "rejected"}), (State.CANCELLED, {})],
        "retake",
    ),
    "approved, then cancelled": (
        [(State.DONE, {"review": "approved"}), (State.CANCELLED, {})],
        "approved",
    ),
    "a take": ([(State.DONE, {})], "needs review"),
    "a selected take": ([(State.DONE, {"review": "selected"})], "needs review"),
    "an approved take": ([(State.DONE, {"review": "approved"})], "approved"),
    "a rejected take": ([(State.DONE, {"review": "rejected"})], "retake"),
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
    """By shot, as the lists show them."""
    return {shot.pk: ShotCard(shot).word for shot in for_cards(shots)}


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


LACKING = {
    "no visual design": ({"visual": None}, "no visual design document"),
    "no audio design": ({"audio": None}, "no audio design document"),
    "an empty design": ({"audio": {}}, "no audio design document"),
    "no design at all": ({"visual": None, "audio": None}, "no design documents"),
    "no storyboard": ({"payload": None}, "no storyboard"),
    "an empty storyboard": ({"payload": {}}, "no storyboard"),
    "nothing": (
        {"payload": None, "visual": None, "audio": None},
        "no design documents, no storyboard",
    ),
}


@pytest.mark.parametrize(("story", "missing"), LACKING.values(), ids=LACKING.keys())
def test_what_a_shot_lacks_is_named(story, missing):
    shot = make_shot(pictures={}, **story)

    card = ShotCard(for_cards(Shot.objects.all()).get())

    assert (card.word, card.missing, find_missing(shot)) == ("blocked", missing, missing)
    assert card.badge.word == f"blocked: {missing}"
    assert count_badges(Shot.objects.all())["blocked"] == 1


@pytest.mark.parametrize(
    ("state", "values", "word"),
    [
        (None, {}, "blocked"),
        (State.DONE, {"review": "rejected"}, "blocked"),
        (State.CANCELLED, {}, "blocked"),
        (State.CANCELLED, {"error_code": "given_up"}, "blocked"),
        (State.DONE, {}, "needs review"),
        (State.FAILED, {}, "failed"),
        (State.QUEUED, {}, "generating"),
    ],
)
def test_only_a_shot_to_be_made_waits_for_what_it_lacks(state, values, word):
    shot = make_shot(pictures={}, audio=None)
    whole = make_shot(story_id="another", pictures={})
    if state:
        make_render(shot, state, **values)

    card = ShotCard(for_cards(Shot.objects.filter(pk=shot.pk)).get())

    assert card.word == word
    assert card.badge == badge_of_shot(shot.renders.all(), find_missing(shot))
    for each in BadgeWord:
        found = set(filter_by_badge(Shot.objects.all(), each).values_list("pk", flat=True))
        assert found == ({shot.pk} if each == word else {whole.pk} if each == "ready" else set())
    expected = dict.fromkeys(BadgeWord, 0) | {word: 1, "ready": 1}
    assert count_badges(Shot.objects.all()) == expected
    assert count_badges(Shot.objects.filter(scenelet__story__story_id__gt="")) == expected
    story_key = shot.scenelet.story_id
    assert count_badges_by_story([story_key])[story_key] == expected | {"ready": 0}


def test_what_the_simulator_made_is_nothing_to_a_real_backend(settings):
    settings.VIDEO_BACKEND = "gemini"
    simulated, real = shots_of(make_story(shots=2, pictures={}))
    make_render(simulated, State.DONE, backend="simulator")
    make_render(real, State.DONE, backend="gemini")

    one, other = (ShotCard(shot) for shot in for_cards(Shot.objects.all()))

    assert (one.word, one.takes, one.latest_video_url) == ("ready", 0, "")
    assert (other.word, other.takes) == ("needs review", 1)
    assert other.latest_video_url.endswith(real.renders.get().video_file)
    assert badge_word_of(simulated.renders.all()) == "ready"


def test_the_latest_take_is_shown_whatever_came_after_it():
    shot = make_shot(pictures={})
    make_render(shot, State.DONE, take=1, video_file="1.mp4", poster_file="1.jpg")
    make_render(shot, State.DONE, take=3, video_file="3.mp4", poster_file="3.jpg")
    make_render(shot, State.DONE, take=2, video_file="2.mp4", poster_file="2.jpg")
    make_render(shot, State.FAILED)
    make_render(shot, State.REHEARSED)

    card = ShotCard(for_cards(Shot.objects.all()).get())

    assert card.takes == 3
    assert (card.latest_video_url, card.still_url) == (media_url("3.mp4"), media_url("3.jpg"))


def test_the_selected_take_is_shown_before_the_latest():
    shot = make_shot(pictures={})
    make_render(shot, State.DONE, take=1, video_file="1.mp4", review="selected")
    make_render(shot, State.DONE, take=2, video_file="2.mp4")

    card = ShotCard(for_cards(Shot.objects.all()).get())

    assert (card.video_url, card.latest_video_url) == (media_url("1.mp4"), media_url("2.mp4"))


def test_a_shot_without_a_take_has_an_empty_one():
    make_shot(pictures={})

    card = ShotCard(for_cards(Shot.objects.all()).get())

    assert (card.takes, card.video_url, card.still_url) == (0, "", "")


def test_a_list_takes_three_queries_however_long(django_assert_num_queries):
    for shot in shots_of(make_story(shots=5, pictures={})):
        make_render(shot, State.DONE)
        make_render(shot, State.FAILED)

    with django_assert_num_queries(3):
        cards = [
            ShotCard(shot) for shot in for_cards(filter_by_badge(Shot.objects.all(), "failed"))
        ]
        assert [(card.word, card.takes) for card in cards] == [("failed", 1)] * 5


def test_badges_are_counted_in_their_order(django_assert_num_queries):
    story = make_story(shots=3, pictures={})
    make_story("other", shots=4, pictures={})
    make_render(shots_of(story)[1], State.DONE)

    with django_assert_num_queries(4):
        counts = count_badges(shots_of(story))

    assert list(counts.items()) == [
        ("generating", 0),
        ("needs a decision", 0),
        ("failed", 0),
        ("needs review", 1),
        ("approved", 0),
        ("ready", 2),
        ("retake", 0),
        ("cancelled", 0),
        ("given up", 0),
        ("blocked", 0),
    ]


def test_a_search_that_finds_a_shot_twice_counts_it_once():
    shot = make_shot(pictures={})
    make_render(shot, State.FAILED)
    make_render(shot, State.FAILED)

    assert count_badges(Shot.objects.filter(renders__state="failed"))["failed"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["simulator", "gemini"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_is_what_the_renders_say(settings, time_machine, backend, seed):
    settings.VIDEO_BACKEND = backend
    chance = random.Random(seed)
    story = make_story(shots=250, pictures={})
    Shot.objects.filter(shot_index__gt=200).update(storyboard_payload=None)
    batch = make_batch(story)
    lanes = {name: make_lane(name) for name in ("simulator", "gemini")}
    given_up, cancelled, *shots = shots_of(story)
    for shot in shots:
        for take in range(1, chance.randint(0, 5) + 1):
            _make_some_render(chance, shot, take, batch, lanes)
    for render in VideoRender.objects.order_by("?")[:200]:
        _change_somehow(chance, render)
    # Chance rarely leaves a shot with nothing but these.
    make_render(given_up, State.CANCELLED, error_code="given_up", batch=batch, backend=backend)
    make_render(cancelled, State.CANCELLED, batch=batch, backend=backend)
    # Nobody works on these renders. On a slow machine one of them would become interrupted between
    # two queries, so the clock stands still.
    time_machine.move_to(timezone.now(), tick=False)

    expected = {
        shot.pk: badge_of_shot(shot.renders.all(), find_missing(shot)).code
        for shot in shots_of(story).prefetch_related("renders")
    }

    assert words_of(shots_of(story)) == expected
    assert set(expected.values()) == set(BadgeWord), "every word was met"
    counts = count_badges(shots_of(story))
    for word in BadgeWord:
        found = filter_by_badge(shots_of(story), word)
        assert {shot.pk for shot in found} == {pk for pk, own in expected.items() if own == word}
        assert counts[word] == found.count()
    assert count_badges(Shot.objects.all()) == counts
    assert count_badges_by_story([story.pk, 0]) == {story.pk: counts, 0: dict.fromkeys(counts, 0)}
    with_video = filter_by_video(shots_of(story), has_video=True).count()
    assert count_videos(shots_of(story)) == (with_video, 250 - with_video)


def _change_somehow(chance, render):
    state = chance.choice([State.CANCELLED, State.FAILED, State.UNKNOWN, State.REHEARSED])
    changes = {"state": state, "review": "unreviewed", "ended_at": timezone.now()}
    if chance.random() < 0.4:
        changes = {"state_since": timezone.now() - timedelta(seconds=chance.choice([0, 7000]))}
    force(render, **changes)


def test_standings_from_before_are_made(django_assert_num_queries):
    shots = shots_of(make_story(shots=3, pictures={}))
    make_render(shots[0], State.DONE)
    make_render(shots[1], State.FAILED)
    ShotStanding.objects.all().delete()

    assert fill_standings() == 2
    assert list(words_of(shots).values()) == ["needs review", "failed", "ready"]
    with django_assert_num_queries(1):
        assert fill_standings() == 0


def test_a_change_of_many_renders_keeps_the_standings_of_all(django_assert_num_queries):
    shots = shots_of(make_story(shots=40, pictures={}))
    for shot in shots:
        make_render(shot, State.UNKNOWN)
    renders = VideoRender.objects.filter(shot__in=list(shots.values_list("pk", flat=True)))

    # Which renders, the change, what they came to, the standings, their renders, and the standings
    # anew.
    with transaction.atomic(), django_assert_num_queries(6):
        changed = force(renders, state=State.CANCELLED, review_reason="all at once")

    assert changed == 40
    assert set(words_of(shots).values()) == {"cancelled"}


def test_what_changes_no_badge_asks_for_no_standing(django_assert_num_queries):
    render = make_render(make_shot(pictures={}), State.RUNNING)

    with django_assert_num_queries(1):
        VideoRender.objects.filter(pk=render.pk).update(beat_at=timezone.now())


def test_standings_are_locked_without_their_shots_and_stories(django_assert_max_num_queries):
    """Locked with them, a claim and a plan that is queued would wait for each other."""
    render = make_render(make_shot(pictures={}), State.RUNNING)

    with django_assert_max_num_queries(12) as captured:
        render.move(State.RUNNING, State.FAILED)

    statements = [each["sql"] for each in captured if '"videogen_shotstanding"' in each["sql"]]
    assert statements
    assert not [each for each in statements if "JOIN" in each]


def test_a_change_that_is_undone_leaves_the_standing():
    shot = make_shot(pictures={})
    render = make_render(shot, State.RUNNING)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        render.move(State.RUNNING, State.FAILED)
        raise ZeroDivisionError

    assert words_of(Shot.objects.all()) == {shot.pk: "generating"}


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
        "error_code": chance.choice(["", "stopped", "given_up"]),
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


@pytest.mark.parametrize(
    ("states", "situation", "cause"),
    [
        ([State.INTERRUPTED, State.INTERRUPTED, State.FAILED], "interrupted", 1),
        ([State.NOT_DOWNLOADED, State.INTERRUPTED, State.NOT_DOWNLOADED], "interrupted", 1),
        ([State.NOT_DOWNLOADED, State.NOT_DOWNLOADED, State.REHEARSED], "not_downloaded", 1),
        ([State.DONE, State.DONE, State.BLOCKED], "video", 1),
        ([State.DONE, State.UNKNOWN, State.FAILED], "unknown", 1),
        ([State.FAILED, State.CANCELLED, State.BLOCKED], "without_video", 2),
    ],
)
def test_of_renders_of_one_situation_the_newest_causes_it(states, situation, cause):
    shot = make_shot()
    renders = [make_render(shot, state) for state in states]

    assert find_situations(Shot.objects.all(), "simulator") == {
        shot.pk: (situation, renders[cause])
    }
