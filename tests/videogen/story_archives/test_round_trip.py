"""A story is archived, wiped and restored, and is what it was."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from storybook.media_store import media
from storybook.models import Story
from tests.support.beside import beside
from tests.support.commands import manage
from tests.support.factories import (
    make_budget,
    make_lane,
    make_render,
    make_story,
    make_submission,
    shots_of,
)
from tests.support.story_archives import (
    INVOICE,
    differing_rows,
    dump_story,
    files_of,
    make_archived_story,
    sha256_of_dump,
)
from videogen.billing.budgets import usage, usage_of
from videogen.billing.burn_down import burn_down
from videogen.billing.statistics import By, SpendingScope, figures_by
from videogen.lanes.quota import find_send_time
from videogen.models import (
    Candidate,
    GuestLink,
    KeptCharge,
    Price,
    RenderBatch,
    Submission,
    TakeNote,
    VideoRender,
    WipedStory,
)
from videogen.models.batches import next_number
from videogen.models.outcomes import entries
from videogen.recovery.candidates import file_key, read_known
from videogen.story_archives.archive import archive_story
from videogen.story_archives.errors import ArchiveError
from videogen.story_archives.tables import TABLES
from videogen.story_archives.wipe import wipe_story
from videogen.takes.reviews import lock_shot

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    return make_archived_story()


def archive(file, *options):
    ended = manage("archive_story", "--story-id=the-lamp", f"--to={file}", "--json", *options)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def restore(file, *options):
    ended = manage("restore_story", file, "--json", *options)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def ledger():
    rows = entries(Submission.objects.all()).order_by("token")
    return list(rows.values_list("token", "entry", "actual_usd", "price_usd", "claimed_at"))


@pytest.mark.postgres
def test_story_is_what_it_was_after_a_wipe_and_a_restore(story, file):
    other = make_archived_story("another")
    before, files, charges = dump_story("the-lamp"), files_of("the-lamp"), ledger()
    beside = dump_story(other.story_id)
    old = Story.objects.get(story_id="the-lamp").pk

    archive(file, "--wipe")
    assert not Story.objects.filter(story_id="the-lamp").exists()
    assert not list(media.files("the-lamp"))
    told = restore(file)

    after = dump_story("the-lamp")
    assert differing_rows(before, after) == 0
    assert sha256_of_dump(after) == sha256_of_dump(before)
    assert files_of("the-lamp") == files
    assert ledger() == charges
    assert Story.objects.get(story_id="the-lamp").pk != old
    assert dump_story(other.story_id) == beside
    assert told["missing_people"] == told["missing_prices"] == []
    assert told["renumbered_batches"] == {}


def test_every_table_of_an_archive_is_in_this_test(story, file):
    rows = archive(file)["rows"]

    assert {label for label, number in rows.items() if not number} == set()
    assert rows.keys() == {table.label for table in TABLES}


def test_same_story_gives_the_same_bytes(story, file, tmp_path):
    GuestLink.objects.get().revoke()
    first = archive(file)
    second = archive(tmp_path / "again.zip", "--wipe")
    restore(file)
    third = archive(tmp_path / "restored.zip")

    assert first["sha256"] == second["sha256"] == third["sha256"]
    assert file.read_bytes() == (tmp_path / "restored.zip").read_bytes()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == first["sha256"]


@pytest.mark.postgres
def test_wipe_gives_nothing_back_and_a_restore_counts_nothing_twice(story, file):
    budget = make_budget("1000")
    day = make_budget("100", user=get_user_model().objects.get())
    of_story = story.budget_set.get()
    VideoRender.objects.filter(take=2).update(queued_at=timezone.now())
    lane = make_lane("gemini")
    spent = usage()
    today = usage_of([day])[day.pk].spent_usd
    assert spent.spent_usd > today > 0

    archive(file, "--wipe")
    assert usage() == spent
    assert usage_of([budget])[budget.pk].spent_usd == spent.spent_usd
    assert usage_of([day])[day.pk].spent_usd == today
    # Whoever imports the story anew has what is left of its budget, not all of it.
    again = make_story("the-lamp")
    limit = make_budget("500", story=again)
    assert usage_of([limit])[limit.pk].spent_usd == spent.spent_usd
    again.delete()

    restore(file)
    assert usage() == spent
    assert not KeptCharge.objects.exists()
    assert not WipedStory.objects.exists()
    [restored] = Story.objects.get().budget_set.all()
    assert restored.limit_usd == of_story.limit_usd
    assert usage_of([restored])[restored.pk].spent_usd == spent.spent_usd
    assert find_send_time(lane, spent.spent_usd).code == ""


def costs():
    """What was spent in all, and what may still cost."""
    told = json.loads(manage("spend", "--json").stdout)
    return tuple(
        Decimal(told["total"][f"{what}_usd"]) + Decimal(told[f"wiped_stories_{wiped}"])
        for what, wiped in (("spent", "usd"), ("open", "open_usd"))
    )


@pytest.mark.postgres
def test_what_was_spent_and_what_may_still_cost_are_told_while_the_story_is_away(story, file):
    third = shots_of(story)[2]
    given_up = make_render(
        third,
        "cancelled",
        error_code="given_up",
        backend="gemini",
        price_estimate_usd=Decimal("3.20"),
        claimed_at=timezone.now(),
    )
    make_submission(given_up, "unknown", price_usd=Decimal("3.20"))
    make_budget("1000")
    today = timezone.localdate()
    days = [today - timedelta(days=each) for each in range(6, -1, -1)]

    def told():
        by_day = figures_by(By.DAY, SpendingScope(None, days[0], days[-1]))
        return costs(), burn_down(None, days, by_day).left_usd

    before = told()
    assert before[0][1] > 0

    archive(file, "--wipe")
    assert told() == before

    restore(file)
    assert told() == before


def test_numbers_of_a_wiped_story_are_given_to_no_other_batch(story, file):
    numbers = set(RenderBatch.objects.values_list("number", flat=True))

    archive(file, "--wipe")

    assert next_number() == max(numbers) + 1
    restore(file)
    assert set(RenderBatch.objects.values_list("number", flat=True)) == numbers


def test_batch_whose_number_is_taken_gets_another_one(story, file):
    archive(file, "--wipe")
    WipedStory.objects.update(last_batch_number=0)
    RenderBatch.objects.create(story=make_story("other"), task="x", mode="default", door="api")

    told = restore(file)

    assert told["renumbered_batches"] == {"1": RenderBatch.objects.order_by("number").last().number}


def test_nothing_secret_is_in_an_archive(story, file, settings):
    settings.GEMINI_API_KEY = "AIzaSy-not-a-real-key"
    link = GuestLink.objects.get()
    render = VideoRender.objects.first()
    VideoRender.objects.filter(pk=render.pk).update(
        is_link_given=True, download_uri="https://clips.example/a.mp4?signature=secret"
    )
    get_user_model().objects.filter(username="ines").update(password="hashed-password")

    archive(file)

    data = file.read_bytes()
    for secret in (
        "AIzaSy-not-a-real-key",
        link.token_sha256,
        link.passphrase,
        "signature=secret",
        "hashed-password",
    ):
        assert secret.encode() not in data
    assert b"https://clips.example/a.mp4" in data


def test_guest_link_comes_back_revoked_and_with_its_notes(story, file):
    token = GuestLink.objects.get().token_sha256
    archive(file, "--wipe")

    restore(file)

    link = GuestLink.objects.get()
    assert link.revoked_at
    assert link.token_sha256 != token
    assert [note.text for note in link.notes.all()] == ["Lovely."]


def test_candidate_stays_known_while_the_story_is_away(story, file):
    archive(file, "--wipe")
    [candidate] = Candidate.objects.all()
    assert (candidate.status, candidate.render) == ("taken", None)

    restore(file)

    [same] = Candidate.objects.all()
    assert same.pk == candidate.pk
    assert same.render.take == 1


def test_people_and_prices_that_are_not_here_are_named(story, file):
    archive(file, "--wipe")
    get_user_model().objects.all().delete()
    Price.objects.filter(source=INVOICE).delete()

    told = restore(file)

    assert told["missing_people"] == ["ines"]
    assert len(told["missing_prices"]) == 1
    take = VideoRender.objects.filter(take=1).first()
    assert take.requested_by is None
    assert take.requested_by_name == "ines"
    assert not Price.objects.filter(source=INVOICE).exists()


def test_dry_run_changes_nothing(story, file):
    archive(file, "--wipe")

    told = restore(file, "--dry-run")

    assert told["is_dry_run"]
    assert told["rows"]["videogen.videorender"] == 8
    assert not Story.objects.exists()
    assert not list(media.files("the-lamp"))
    assert KeptCharge.objects.count() == told["kept_charges_taken_back"] > 0


def test_archive_is_a_zip_that_other_programs_read(story, file):
    archive(file)

    with zipfile.ZipFile(file) as opened:
        assert opened.testzip() is None
        manifest = json.loads(opened.read("manifest.json"))
        names = set(opened.namelist())
    assert names == {each["name"] for each in manifest["files"]} | {"manifest.json"}
    assert "media/the-lamp/pictures/0123456789abcdef/older.png" in names
    assert not any("thumbnails" in name for name in names)


@pytest.fixture
def archived_in_a_folder(story, file):
    files = files_of("the-lamp")
    archive(file, "--wipe")
    return files


def test_from_a_folder_to_an_object_store_and_back(
    archived_in_a_folder, object_store, file, tmp_path, settings
):
    files = archived_in_a_folder
    restore(file)
    assert media.is_remote
    assert files_of("the-lamp") == files
    before = dump_story("the-lamp")

    archive(tmp_path / "second.zip", "--wipe")
    assert not list(media.files("the-lamp"))
    folder = {"BACKEND": "storybook.media_store.MediaFolder"}
    settings.STORAGES = {**settings.STORAGES, "default": folder}
    settings.MEDIA_STORE_URL = ""
    restore(tmp_path / "second.zip")

    assert not media.is_remote
    assert files_of("the-lamp") == files
    assert differing_rows(before, dump_story("the-lamp")) == 0


def test_words_of_both_commands(story, file):
    made = manage("archive_story", "--story-id=the-lamp", f"--to={file}", "--wipe")
    back = manage("restore_story", file)

    assert "8 renders, 7 submissions" in made.stdout
    assert "still count for budgets and quotas" in made.stdout
    assert "Never in an archive" in made.stdout
    assert "7 kept charges are submissions again: nothing counts twice." in back.stdout
    assert "came back revoked" in back.stdout


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["note", "verdict"])
def test_what_somebody_writes_during_a_wipe_is_not_lost(story, file, what):
    """After the rows were compared with the archive, and before they are deleted."""
    take = VideoRender.objects.filter(take=1).first()
    writes = {
        "note": lambda: TakeNote.objects.create(render=take, frame=1, text="Wait.", author_name=""),
        "verdict": lambda: VideoRender.objects.filter(pk=take.pk).update(review_reason="Wait."),
    }
    before = dump_story("the-lamp")
    archived = archive_story(story, file)
    others = iter([writes[what]])

    def execute(run, sql, *arguments):
        if sql.startswith("DELETE") and (write := next(others, None)):
            beside(write).result()
        return run(sql, *arguments)

    with connection.execute_wrapper(execute), pytest.raises(ArchiveError) as error:
        wipe_story(story, archived)

    assert error.value.code == "changed"
    assert differing_rows(before, dump_story("the-lamp")) == 1
    assert not KeptCharge.objects.exists()
    assert files_of("the-lamp")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_is_queued_while_a_wipe_waits_is_not_lost(story, file):
    archived = archive_story(story, file)
    shot = shots_of(story)[2]
    with transaction.atomic():
        lock_shot(shot.pk)
        wiping = beside(lambda: wipe_story(story, archived))
        assert wiping.waits_for_a_lock()
        queued = make_render(shot)

    with pytest.raises(ArchiveError) as error:
        wiping.result()

    assert error.value.code in ("changed", "open_work")
    assert VideoRender.objects.filter(pk=queued.pk, state="queued").exists()
    assert not KeptCharge.objects.exists()
    assert files_of("the-lamp")


def test_wiped_submissions_count_in_the_windows_of_the_quota(story, file, settings):
    settings.VIDEO_SUBMISSIONS_PER_MINUTE = settings.VIDEO_SUBMISSIONS_PER_DAY = 1
    lane = make_lane("gemini")
    moment = timezone.now()
    Submission.objects.filter(render__take=2).update(claimed_at=moment, answered_at=moment)
    before = find_send_time(lane, Decimal("3.20"))
    assert before.code == "quota_day"

    archive(file, "--wipe")

    assert find_send_time(lane, Decimal("3.20")) == before
    settings.VIDEO_SUBMISSIONS_PER_DAY = None
    assert find_send_time(lane, Decimal("3.20")).code == "quota_minute"


def test_what_the_api_lists_of_a_wiped_story_is_proposed_for_no_other_render(story, file):
    take = VideoRender.objects.filter(take=2).first()
    lane = take.lane
    listed = [
        Candidate(lane=lane, source="operations", name=take.operation_name),
        Candidate(lane=lane, source="generated_files", name=f"files/{file_key(take.download_uri)}"),
    ]
    unknown = Candidate(lane=lane, source="operations", name="operations/unknown")
    assert [read_known(listed).knower(each) for each in listed] == [take.pk, take.pk]

    archive(file, "--wipe")

    known = read_known([*listed, unknown])
    assert [known.knower(each) for each in (*listed, unknown)] == [0, 0, None]
