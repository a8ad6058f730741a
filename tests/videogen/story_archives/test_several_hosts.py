"""Restores and wipes while another host does the same, or brings something late."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from storybook.media_store import media, partial_folder
from storybook.models import Story
from tests.support.beside import beside
from tests.support.factories import force, make_render, shots_of
from tests.support.story_archives import dump_story, files_of, make_archived_story
from videogen.billing.budgets import usage
from videogen.models import KeptCharge, Notice, Submission, VideoRender, WipedStory
from videogen.notifications.detect import look_for_news
from videogen.ops.doctor.check import Examination
from videogen.ops.doctor.storage import check_leftovers
from videogen.pipeline import journal, orphans
from videogen.pipeline.results import apply_all_accepted
from videogen.recovery.decisions import allow_new_render, look_again, take_back
from videogen.story_archives import restore, story_lock, wipe
from videogen.story_archives.archive import archive_story
from videogen.story_archives.errors import ArchiveError
from videogen.story_archives.restore import restore_story
from videogen.story_archives.story_lock import alone
from videogen.story_archives.wipe import wipe_story

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

OPERATION = "models/veo/operations/late"


@contextmanager
def another_host(folder):
    """Its disk is its own; the database and the object store are the same."""
    mine, settings.MEDIA_ROOT = settings.MEDIA_ROOT, str(folder)
    try:
        yield
    finally:
        settings.MEDIA_ROOT = mine


def code_of(work, *arguments):
    with pytest.raises(ArchiveError) as error:
        work(*arguments)
    return error.value.code


# -- two at once -----------------------------------------------------------------------------------


one_host = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one host")


@one_host
def test_of_two_hosts_one_restores_a_story(object_store, story, file, tmp_path, monkeypatch):
    before, files = dump_story("the-lamp"), files_of("the-lamp")
    wipe_story(story, archive_story(story, file))
    insert, codes = restore._insert, []

    def meanwhile(*arguments, **options):
        with another_host(tmp_path / "birch"):
            codes.append(code_of(restore_story, file))
        return insert(*arguments, **options)

    monkeypatch.setattr(restore, "_insert", meanwhile)

    restore_story(file)

    assert codes == ["busy"]
    assert dump_story("the-lamp") == before
    assert files_of("the-lamp") == files


@one_host
def test_no_host_restores_a_story_while_another_one_removes_its_files(
    object_store, story, file, tmp_path, monkeypatch
):
    archived, files = archive_story(story, file), files_of("the-lamp")
    delete, codes = wipe._delete_files, []

    def meanwhile(*arguments):
        with another_host(tmp_path / "birch"):
            codes.append(code_of(restore_story, file))
        return delete(*arguments)

    monkeypatch.setattr(wipe, "_delete_files", meanwhile)

    wipe_story(story, archived)

    restore_story(file)
    assert codes == ["busy"]
    assert files_of("the-lamp") == files


@one_host
def test_a_lock_of_another_host_ends_with_it(tmp_path):
    with alone("the-lamp") as lock, another_host(tmp_path / "birch"):
        with alone("another story"):
            pass
        assert code_of(alone("the-lamp").__enter__) == "busy"
        lock._database.close()
        assert not lock.is_held()
        with alone("the-lamp"):
            pass


def test_who_comes_second_is_told_that_the_story_is_here(wiped, monkeypatch):
    """It looked before the first one had ended, and then waited for nothing."""
    verify = restore.ArchiveFile.verify
    restores = iter([True])

    def meanwhile(archive, **options):
        if next(restores, False):
            restore_story(wiped)
        return verify(archive, **options)

    monkeypatch.setattr(restore.ArchiveFile, "verify", meanwhile)

    assert code_of(restore_story, wiped) == "exists"
    assert files_of("the-lamp")


def test_a_story_that_is_imported_meanwhile_stays_alone(wiped, monkeypatch):
    insert = restore._insert

    def meanwhile(*arguments, **options):
        Story.objects.create(story_id="the-lamp", title="imported anew")
        return insert(*arguments, **options)

    monkeypatch.setattr(restore, "_insert", meanwhile)

    assert code_of(restore_story, wiped) == "exists"
    assert Story.objects.get().title == "imported anew"
    assert not list(media.files()), "its folder has no takes that no row knows"


def test_a_file_lock_that_its_owner_has_just_removed_is_none(monkeypatch):
    flock = story_lock.fcntl.flock

    def removed_meanwhile(file, how):
        flock(file, how)
        next(partial_folder().glob("media-restore-*")).unlink()

    monkeypatch.setattr(story_lock.fcntl, "flock", removed_meanwhile)

    assert code_of(alone("the-lamp").__enter__) == "busy"


# -- the database goes away ------------------------------------------------------------------------


def broken(*arguments, **options):
    raise OperationalError("server closed the connection unexpectedly")


def test_a_story_whose_commit_was_not_confirmed_keeps_its_files(story, file, monkeypatch):
    """Also those that no row names."""
    files = files_of("the-lamp")
    wipe_story(story, archive_story(story, file))
    insert = restore._insert

    def unconfirmed(*arguments, **options):
        insert(*arguments, **options)
        raise ArchiveError("The database did not take it.", code="storage")

    monkeypatch.setattr(restore, "_insert", unconfirmed)

    assert code_of(restore_story, file) == "storage"
    assert Story.objects.get().story_id == "the-lamp"
    assert files_of("the-lamp") == files


def test_files_stay_when_the_lock_of_a_wipe_is_gone(story, file, monkeypatch):
    archived, files = archive_story(story, file), files_of("the-lamp")
    monkeypatch.setattr(story_lock.StoryLock, "is_held", lambda lock: False)

    told = wipe_story(story, archived)

    assert set(told.left) >= set(files)
    monkeypatch.undo()
    restore_story(file)
    assert files_of("the-lamp") == files


@pytest.mark.parametrize("what", ["the rows cannot be read", "the lock is gone"])
def test_files_stay_if_nobody_can_tell_whose_they_are(wiped, monkeypatch, what):
    def away(*arguments, **options):
        raise ArchiveError("The database did not take it.", code="storage")

    monkeypatch.setattr(restore, "_insert", away)
    if what == "the lock is gone":
        monkeypatch.setattr(restore.StoryLock, "is_held", lambda lock: False)
    else:
        monkeypatch.setattr(restore, "named_by_rows", broken)

    assert code_of(restore_story, wiped) == "storage"
    assert list(media.files())


def test_a_wipe_that_the_database_did_not_confirm_does_not_claim_that_the_story_is_here(
    story, file, monkeypatch
):
    archived = archive_story(story, file)
    monkeypatch.setattr(wipe, "_delete_rows", broken)

    with pytest.raises(ArchiveError, match="Look whether the story is still here") as error:
        wipe_story(story, archived)

    assert error.value.code == "storage"


# -- a wipe that is cut off ------------------------------------------------------------------------


class Killed(BaseException):
    pass


def killed(*arguments, **options):
    raise Killed


def findings():
    return [
        (each.level, each.sentence, each.what_to_do)
        for each in check_leftovers(Examination(True, 1))
    ]


def test_files_that_a_killed_wipe_left_are_named(story, file, tmp_path, monkeypatch):
    before, files = dump_story("the-lamp"), files_of("the-lamp")
    archived = archive_story(story, file)
    healthy = findings()
    with monkeypatch.context() as patch:
        patch.setattr(wipe, "_delete_files", killed)
        with pytest.raises(Killed):
            wipe_story(story, archived)

    [(level, sentence, what_to_do)] = findings()

    assert level == "warning"
    assert f"{len(list(media.files('the-lamp')))} files are still in " in sentence
    assert "/the-lamp," in sentence and "the-lamp.zip" in what_to_do
    restored = restore_story(file)
    assert restored.found == len(files)
    assert dump_story("the-lamp") == before
    assert findings() == healthy
    again = archive_story(Story.objects.get(), tmp_path / "again.zip")
    wipe_story(Story.objects.get(), again)
    assert findings() == healthy
    assert not list(media.files())


def test_what_another_story_uses_is_not_left_over(story, file):
    other = make_archived_story("another", takes=1)
    name = story.pictures.exclude(file="").first().file
    other.pictures.filter(pk=other.pictures.first().pk).update(file=name)

    wipe_story(story, archive_story(story, file))

    assert media.exists(name)
    [(level, _, _)] = findings()
    assert level == "ok"


def test_a_download_that_a_host_brings_after_the_wipe_is_named(wiped):
    media.put_bytes("kept/render-987654.mp4", b"half a clip")

    [(level, sentence, _)] = findings()

    assert (level, "kept/render-987654.mp4" in sentence) == ("warning", True)


# -- a late answer ---------------------------------------------------------------------------------


@pytest.fixture
def given_up(story):
    """A submission of unknown outcome whose render a person gave up."""
    render = make_render(
        shots_of(story).last(), "unknown", operation_name="", backend="gemini", is_simulated=False
    )
    assert allow_new_render(VideoRender.objects.get(pk=render.pk), by="ines")
    return render.submissions.get()


def test_a_late_answer_for_a_wiped_story_is_kept_and_told_once(given_up, story, file):
    spent = usage()
    wipe_story(story, archive_story(story, file))
    journal.write_answer(given_up.token, OPERATION)

    assert orphans.apply_kept_answers() == set()
    told = [look_for_news(), look_for_news()]

    assert list(journal.read_answers()) == []
    kept = KeptCharge.objects.get(token=given_up.token)
    assert (kept.outcome, kept.operation_name) == ("accepted", OPERATION)
    assert usage() == spent
    assert told == [1, 0]
    notice = Notice.objects.get(kind="late_answer")
    assert OPERATION in notice.text and "the-lamp.zip" in notice.text and "$3.20" in notice.text
    assert notice.story is None


def test_an_answer_that_a_wiped_story_has_already_is_no_news(story, file):
    submission = Submission.objects.filter(outcome="accepted").first()
    wipe_story(story, archive_story(story, file))
    before = KeptCharge.objects.get(token=submission.token)
    journal.write_answer(submission.token, "models/veo/operations/same")

    orphans.apply_kept_answers()

    assert list(journal.read_answers()) == []
    after = KeptCharge.objects.get(token=submission.token)
    assert (after.operation_name, after.late_answer_at) == (before.operation_name, None)
    assert look_for_news() == 0


def test_the_clip_can_be_had_once_the_story_is_back(given_up, story, file, settings):
    settings.VIDEO_BACKEND = "gemini"
    spent = usage()
    wipe_story(story, archive_story(story, file))
    apply_all_accepted({given_up.token: OPERATION})

    restore_story(file)

    submission = Submission.objects.get(token=given_up.token)
    assert (submission.outcome, submission.operation_name) == ("accepted", OPERATION)
    assert not KeptCharge.objects.exists() and not WipedStory.objects.exists()
    assert usage() == spent
    assert take_back(submission.render)
    assert look_again(VideoRender.objects.get(pk=submission.render_id))
    render = VideoRender.objects.get(pk=submission.render_id)
    assert (render.state, render.operation_name) == ("running", OPERATION)


def test_an_answer_stays_in_the_journal_for_a_token_that_nobody_has(given_up, story, file):
    """Of a database that was restored from a backup: its clips are found by asking the API."""
    wipe_story(story, archive_story(story, file))
    KeptCharge.objects.all().delete()
    journal.write_answer(given_up.token, OPERATION)

    orphans.apply_kept_answers()

    assert dict(journal.read_answers()) == {given_up.token: OPERATION}


def test_a_story_that_is_wiped_while_its_answer_is_stored_loses_nothing(
    given_up, story, file, monkeypatch
):
    """Between the first look at the submission and its lock."""
    archived = archive_story(story, file)
    journal.write_answer(given_up.token, OPERATION)
    monkeypatch.setattr(
        "videogen.pipeline.results.end_wait_after", lambda _: wipe_story(story, archived)
    )

    orphans.apply_kept_answers()

    assert list(journal.read_answers()) == []
    assert KeptCharge.objects.get(token=given_up.token).operation_name == OPERATION


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_while_its_story_is_restored_is_not_lost(
    given_up, story, file, monkeypatch
):
    """When the charges were read, and before they are removed."""
    wipe_story(story, archive_story(story, file))
    journal.write_answer(given_up.token, OPERATION)
    count, answers = restore._may_cost_usd, []

    def meanwhile(charges):
        if not answers:
            answers.append(beside(orphans.apply_kept_answers))
            assert answers[0].waits_for_a_lock()
        return count(charges)

    monkeypatch.setattr(restore, "_may_cost_usd", meanwhile)

    restore_story(file)

    answers[0].result()
    orphans.apply_kept_answers()
    assert Submission.objects.get(token=given_up.token).operation_name == OPERATION
    assert list(journal.read_answers()) == []


# -- archives of several moments -------------------------------------------------------------------


def test_archives_of_different_moments_count_each_charge_once(story, file, tmp_path):
    """A render runs while the first archive is written, and is done in the second one."""
    running = make_render(shots_of(story).last(), "running", backend="gemini", is_simulated=False)
    early = archive_story(story, file)
    spent = usage()
    assert early.manifest.left_out["open_renders"] == 1
    media.put_bytes("the-lamp/shots/late.mp4", b"moving pictures")
    force(running, state="done", take=1, video_file="the-lamp/shots/late.mp4")
    late = archive_story(story, tmp_path / "late.zip")
    whole, files = dump_story("the-lamp"), files_of("the-lamp")
    tokens = set(Submission.objects.values_list("token", flat=True))
    sums = []

    wipe_story(story, late)
    sums.append(usage())
    restore_story(file)
    sums.append(usage())
    assert KeptCharge.objects.count() == 1, "that of the render that ran"
    assert code_of(restore_story, late.path) == "exists"
    again = Story.objects.get()
    wipe_story(again, archive_story(again, tmp_path / "again.zip"))
    sums.append(usage())
    assert {each.token for each in KeptCharge.objects.all()} == tokens
    restore_story(late.path)
    sums.append(usage())

    assert sums == [spent] * 4
    assert not KeptCharge.objects.exists() and not WipedStory.objects.exists()
    assert dump_story("the-lamp") == whole
    assert files_of("the-lamp") == files
