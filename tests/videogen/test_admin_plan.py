from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django_q.models import OrmQ

from storybook.models import KeyFrame, Shot, Story
from tests.factories import (
    State,
    make_lane,
    make_picture,
    make_render,
    make_story,
    shots_of,
)
from videogen.models import RenderBatch, VideoRender

from .browsers import browser_of, fingerprint, producer, viewer

pytestmark = pytest.mark.django_db

LIST = "/admin/storybook/shot/"


def make_shots(number, **values):
    """The shots of a new story."""
    story = make_story(f"story-{Story.objects.count() + 1}", shots=number, **values)
    return list(shots_of(story).select_related("scenelet__story"))


def select(shots, **values):
    ids = [getattr(shot, "pk", shot) for shot in shots]
    return {"action": "generate_videos", "_selected_action": ids} | values


def confirm(browser, shots, mode, *, address=LIST, follow=False):
    """Look at the plan, then confirm it, as a person does."""
    form = select(shots, mode=mode)
    seen = fingerprint(browser.post(address, form))
    return browser.post(address, form | {"planned": seen, "confirm": 1}, follow=follow)


def button(response):
    found = re.search(r'name="confirm"[^>]*?( disabled)?>([^<]*)<', response.content.decode())
    return found[2], bool(found[1])


def messages(response):
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def paid(settings):
    settings.VIDEO_BACKEND = "gemini"
    settings.VIDEO_BUDGET_USD = None


def test_action_shows_the_plan_and_queues_nothing():
    shots = make_shots(2)
    story = shots[0].scenelet.story
    for shot in shots:
        picture = make_picture(story, f"frame-{shot.pk}.png")
        KeyFrame.objects.create(shot=shot, position=2, picture=picture)

    response = producer().post(LIST, select(shots))

    assert response.status_code == 200
    page = response.content.decode()
    assert button(response) == ("Generate 2 videos · free", False)
    assert page.count("no render, or only rehearsals") == 2
    assert "model sheet of character <bdi>ada</bdi>" in page
    assert "only 3 reference images can be sent" in page
    assert "storyboard_payload" in page
    assert not VideoRender.objects.exists() and not RenderBatch.objects.exists()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("default", ("Generate 1 video · $3.20", False)),
        ("resume", ("Generate 1 video, resume 1 · $3.20", False)),
        ("override", ("Generate 2 videos · $6.40", False)),
        ("dry-run", ("Rehearse 3 shots · free", False)),
    ],
)
def test_button_names_what_the_mode_does_and_costs(paid, mode, expected):
    first, second, third = make_shots(3)
    make_render(second, State.DONE, backend="gemini")
    make_render(third, State.INTERRUPTED, backend="gemini")

    response = producer().post(LIST, select([first, second, third], mode=mode, show=1))

    assert button(response) == expected
    assert f'value="{mode}" checked' in response.content.decode()


def test_button_is_disabled_when_there_is_nothing_to_do():
    shots = make_shots(1)
    make_render(shots[0], State.RUNNING)

    response = producer().post(LIST, select(shots))

    assert button(response) == ("Nothing to generate", True)
    assert "already running" in response.content.decode()


def test_blocked_shots_come_first():
    first, second = make_shots(2)
    Shot.objects.filter(pk=second.pk).update(storyboard_payload=None)

    page = producer().post(LIST, select([first, second])).content.decode()

    assert page.index("opening / shot 2") < page.index("opening / shot 1")
    assert "The shot has no storyboard payload." in page


def test_confirming_queues_the_plan_that_was_seen(django_capture_on_commit_callbacks):
    shots = make_shots(3)
    make_render(shots[2], State.DONE)
    browser = producer(username="ines")
    seen = fingerprint(browser.post(LIST, select(shots)))

    with django_capture_on_commit_callbacks(execute=True):
        response = browser.post(
            LIST, select(shots, mode="default", planned=seen, confirm=1), follow=True
        )

    batch = RenderBatch.objects.exclude(plan=[]).get()
    assert response.redirect_chain == [
        (reverse("admin:videogen_renderbatch_change", args=[batch.pk]), 302)
    ]
    assert (batch.door, batch.mode, batch.task) == ("admin", "default", "CREATE_SHOT_VIDEO")
    assert (batch.requested_by.username, batch.requested_by_name) == ("ines", "ines")
    assert batch.filters == {"shots": [shot.pk for shot in shots]}
    assert batch.counts == {"generate": 2, "skip": 1}
    assert set(batch.renders.values_list("shot", "state")) == {
        (shots[0].pk, "queued"),
        (shots[1].pk, "queued"),
    }
    (message,) = messages(response)
    assert "3 shots: 2 queued, 1 skipped." in message
    assert "<bdi>opening / shot 3</bdi>: exists" in message
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == batch and entry.is_addition()
    assert OrmQ.objects.count() == 1  # the pump was woken


def test_second_click_queues_nothing():
    shots = make_shots(1)
    browser = producer()
    form = select(shots, mode="default", confirm=1)
    form["planned"] = fingerprint(browser.post(LIST, select(shots)))

    browser.post(LIST, form)
    response = browser.post(LIST, form)

    assert VideoRender.objects.count() == 1
    assert "Nothing was queued" in response.content.decode()


def test_second_click_makes_no_second_take_either():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)
    browser = producer()
    form = select(shots, mode="override")
    form |= {"planned": fingerprint(browser.post(LIST, form)), "confirm": 1}

    browser.post(LIST, form)
    VideoRender.objects.filter(state=State.QUEUED).update(state=State.CANCELLED)
    response = browser.post(LIST, form)

    assert VideoRender.objects.count() == 2
    assert "Nothing was queued" in response.content.decode()


def test_a_mode_whose_plan_was_not_seen_is_shown_first():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)
    browser = producer()
    seen = fingerprint(browser.post(LIST, select(shots, mode="dry-run")))

    response = browser.post(LIST, select(shots, mode="override", planned=seen, confirm=1))

    assert "this is no longer the plan that you saw" in response.content.decode()
    assert button(response) == ("Generate 1 video · free", False)
    assert VideoRender.objects.count() == 1


def test_nothing_is_queued_where_there_is_nothing_to_do():
    shots = make_shots(1)
    make_render(shots[0], State.DONE)

    response = confirm(producer(), shots, "default")

    assert response.status_code == 200
    assert "there is nothing to do" in response.content.decode()
    assert RenderBatch.objects.count() == 1


def test_unknown_mode_is_refused():
    shots = make_shots(1)

    response = producer().post(LIST, select(shots, mode="free beer", confirm=1))

    assert response.status_code == 200
    assert not VideoRender.objects.exists()


def test_rehearsal_is_queued_as_one_and_resumes_no_queue():
    make_lane(paused_at="2026-01-01T00:00Z", pause_reason="no key")
    shots = make_shots(1)

    confirm(producer(), shots, "dry-run")

    render = VideoRender.objects.select_related("lane").get()
    assert render.kind == VideoRender.Kind.REHEARSAL
    assert render.lane.paused_at


def test_generating_resumes_a_stopped_queue():
    make_lane(paused_at="2026-01-01T00:00Z", pause_reason="no key")
    shots = make_shots(1)

    confirm(producer(), shots, "default")

    assert not VideoRender.objects.get().lane.paused_at


def test_selection_over_two_stories_becomes_a_batch_each():
    shots = make_shots(1) + make_shots(2)
    browser = producer()
    response = browser.post(LIST, select(shots))
    assert button(response) == ("Generate 3 videos · free", False)

    response = confirm(browser, shots, "default", follow=True)

    assert sorted(batch.renders.count() for batch in RenderBatch.objects.all()) == [1, 2]
    assert response.status_code == 200
    assert "?id__in=" in response.redirect_chain[0][0]
    assert len(messages(response)) == 1
    assert LogEntry.objects.count() == 2


def test_stories_that_each_fit_the_budget_must_fit_together(paid, settings):
    settings.VIDEO_BUDGET_USD = Decimal("4.00")
    shots = make_shots(1) + make_shots(1)

    response = confirm(producer(), shots, "default")

    assert button(response) == ("Generate 2 videos · $6.40", True)
    assert "more than the budget has left" in response.content.decode()
    assert not VideoRender.objects.exists()


def test_smuggled_shot_is_refused():
    mine = make_shots(1)
    other = make_shots(1)
    address = f"{LIST}?scenelet__story__id__exact={mine[0].scenelet.story_id}"

    response = producer().post(address, select(mine + other))
    assert "1 selected shot left out" in response.content.decode()

    confirm(producer(), mine + other, "default", address=address)
    assert VideoRender.objects.get().shot == mine[0]

    response = producer().post(address, select(other, mode="default", confirm=1))
    assert response.status_code == 302
    assert VideoRender.objects.count() == 1


def test_large_selection_stays_all_of_the_list(monkeypatch):
    monkeypatch.setattr("videogen.views.plan.MOST_HIDDEN_IDS", 2)
    shots = make_shots(3)

    response = producer().post(LIST, select(shots[:1], select_across=1))

    page = response.content.decode()
    assert button(response) == ("Generate 3 videos · free", False)
    assert page.count('name="_selected_action"') == 1
    assert '<input type="hidden" name="select_across" value="1">' in page


def test_without_the_permission_there_is_no_action():
    shots = make_shots(1)
    browser = viewer()

    assert "generate_videos" not in browser.get(LIST).content.decode()
    assert browser.post(LIST, select(shots)).status_code == 403
    assert browser.post(LIST, select(shots, mode="default", confirm=1)).status_code == 403
    assert not VideoRender.objects.exists()


def test_permission_to_generate_does_not_open_the_list():
    shots = make_shots(1)

    response = browser_of("videogen.generate_video").post(LIST, select(shots))

    assert response.status_code == 403


def test_a_confirmation_of_an_unseen_plan_queues_nothing():
    shots = make_shots(1)

    producer().post(LIST, select(shots, mode="default", confirm=1))

    assert not VideoRender.objects.exists()


def test_without_a_view_of_batches_one_comes_back_to_the_list():
    shots = make_shots(1)
    browser = browser_of("storybook.view_shot", "videogen.generate_video")

    response = confirm(browser, shots, "default")

    assert response.status_code == 302 and response.url == LIST
    assert VideoRender.objects.count() == 1


def test_number_of_queries_does_not_grow_with_the_selection(django_assert_max_num_queries):
    browser = producer()
    counts = []
    for number in (2, 30):
        shots = make_shots(number)
        make_render(shots[0], State.DONE)
        with django_assert_max_num_queries(40) as captured:
            assert browser.post(LIST, select(shots)).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]
