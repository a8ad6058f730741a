"""The technical check of takes: what the rows and the command say."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from tests.support.admin_clients import producer
from tests.support.commands import manage
from tests.support.defects import write_clean, write_defect
from tests.support.factories import State, make_render, make_shot
from tests.support.pages import page_of
from videogen import tasks
from videogen.models import FindingKind, Lane, TakeCheck
from videogen.simulator.footage.clips import write_quick_clip
from videogen.takes import check_worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def shot():
    return make_shot()


def add_take(shot, settings, write, **values):
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    clip = write(folder)
    values = {"kind": "upload", "width": 640, "height": 360, **values}
    return make_render(shot, "done", video_file=clip.path.name, **values)


def kinds(render):
    return [each.kind for each in TakeCheck.objects.get(render=render).told]


def test_a_clean_take_passes_and_a_defect_is_noted_with_its_time(shot, settings):
    clean = add_take(shot, settings, lambda folder: write_clean(folder, 0))
    frozen = add_take(shot, settings, lambda folder: write_defect(folder, FindingKind.FROZEN, 1))

    assert check_worker.run_slice() is False

    assert clean.technical_check.result == "passed"
    check = TakeCheck.objects.get(render=frozen)
    assert check.result == "notes"
    (finding,) = check.told
    assert (finding.kind, finding.seconds > 1) == ("frozen", True)
    assert "stands still" in finding.sentence


def test_a_file_that_cannot_be_read_is_never_passed(shot, settings):
    broken = add_take(
        shot, settings, lambda folder: write_defect(folder, FindingKind.UNREADABLE, 4)
    )
    gone = make_render(shot, "done", video_file="gone.mp4", kind="upload")

    check_worker.run_slice()

    assert [TakeCheck.objects.get(render=each).result for each in (broken, gone)] == [
        "not_checked"
    ] * 2
    assert TakeCheck.objects.get(render=gone).told[0].sentence.endswith("The file is not there.")


def test_a_second_take_that_is_nearly_the_same_is_noted_in_either_order(shot, settings):
    first = add_take(shot, settings, lambda folder: write_clean(folder, 1))
    second = add_take(shot, settings, lambda folder: write_clean(folder, 1))

    check_worker.check_take(second)
    check_worker.check_take(first)

    assert kinds(first) == []
    assert kinds(second) == ["near_duplicate"]
    assert TakeCheck.objects.get(render=second).told[0].sentence.endswith("take 1.")


def test_quick_clips_of_the_simulator_raise_no_alarm(shot, settings):
    for name in ("a.mp4", "b.mp4"):
        path = Path(settings.MEDIA_ROOT) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_quick_clip(seed=name, path=path)
        make_render(shot, "done", video_file=name, width=320, height=180)

    check_worker.run_slice()

    assert [each.result for each in TakeCheck.objects.all()] == ["passed"] * 2


def test_a_lost_check_is_taken_up_again_and_not_for_ever(shot, settings):
    take = add_take(shot, settings, lambda folder: write_clean(folder, 0))
    later = timezone.now() + timedelta(minutes=5)
    check = TakeCheck.objects.create(render=take, worker="other", lease_until=later, attempts=1)

    assert not check_worker.waiting().exists() and check_worker.check_take(take) is None

    TakeCheck.objects.filter(pk=check.pk).update(lease_until=later + timedelta(hours=1))
    assert check_worker.waiting().exists(), "the clock was set back by an hour"

    TakeCheck.objects.filter(pk=check.pk).update(lease_until=timezone.now())
    assert check_worker.check_take(take).result == "passed"

    TakeCheck.objects.filter(pk=check.pk).update(result="", attempts=3)
    assert check_worker.check_take(take).told[0].params["code"] == "ends_the_process"


@pytest.mark.parametrize(("seconds", "checked"), [(-1, 1), (8, 2)], ids=["waits", "at work"])
def test_checks_leave_their_worker_to_a_pump_that_waits(shot, settings, seconds, checked):
    for _ in range(2):
        add_take(shot, settings, lambda folder: write_clean(folder, 0))
    running = make_render(make_shot(story_id="running"), State.RUNNING)
    lease = timezone.now() + timedelta(seconds=seconds)
    Lane.objects.filter(pk=running.lane_id).update(lease_owner="pump", lease_expires_at=lease)

    more = check_worker.run_slice()

    assert TakeCheck.objects.exclude(result="").count() == checked
    assert more is (checked == 1)


def test_the_sweep_wakes_a_worker_for_takes_without_a_check(shot):
    make_render(shot, "done", kind="upload")

    tasks.sweep()

    assert "videogen.tasks.check_takes" in [each.func() for each in OrmQ.objects.all()]


def test_the_command_prints_one_object_a_take(shot, settings):
    add_take(shot, settings, lambda folder: write_clean(folder, 0))
    black = add_take(shot, settings, lambda folder: write_defect(folder, FindingKind.BLACK, 2))

    ended = manage("check_takes", "--story-id", "the-lamp", "--json")

    first, second = map(json.loads, ended.stdout.splitlines())
    assert first == {**first, "code": shot.code, "take": 1, "result": "passed", "findings": []}
    (finding,) = second["findings"]
    assert second["render_id"] == black.pk and second["result"] == "notes"
    assert set(finding) == {"kind", "at_seconds", "seconds", "message"}
    assert finding["kind"] == "black"


def test_the_command_says_which_story_may_be_meant(shot):
    ended = manage("check_takes", "--story-id", "the-lamb")

    assert ended.returncode == 2 and "the-lamp" in ended.stderr


def test_chips_lead_to_the_place_in_the_clip(shot):
    take = make_render(shot, "done", kind="upload")
    stored = {"kind": "black", "at_seconds": 2.5, "seconds": 1.0}
    TakeCheck.objects.create(render=take, result="notes", findings=[stored], version=1)
    browser = producer()

    for url in (
        reverse("admin:videogen_review", query={"take": take.pk}),
        reverse("admin:storybook_shot_takes", args=[shot.pk]),
    ):
        page = page_of(browser.get(url))
        assert [each["at"] for each in page.hooks("finding")] == ["2.5"]
