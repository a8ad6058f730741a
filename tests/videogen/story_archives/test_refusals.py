"""What is not archived, wiped or restored: it is said in a sentence, and nothing is half done."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import struct
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from storybook.media_store import media
from storybook.models import Story
from tests.support.commands import manage
from tests.support.factories import make_batch, make_render, make_story, only_shot, shots_of
from tests.support.story_archives import dump_story, files_of, make_archived_story
from videogen.models import Film, KeptCharge, RenderBatch, Submission, VideoRender, WipedStory
from videogen.story_archives import wipe
from videogen.story_archives.archive import archive_story
from videogen.story_archives.errors import ArchiveError
from videogen.story_archives.restore import restore_story
from videogen.story_archives.wipe import wipe_story
from videogen.takes.storage import kept_path

pytestmark = pytest.mark.django_db


def refused(path, code):
    """Restore it; it has to be refused with this code, and to leave nothing."""
    with pytest.raises(ArchiveError) as error:
        restore_story(path)
    assert error.value.code == code, error.value
    assert not Story.objects.exists()
    assert not list(media.files())
    assert KeptCharge.objects.exists()
    return error.value.sentence


def rewritten(source, target, *, change=None, manifest=None, method=zipfile.ZIP_STORED):
    """A copy whose files were changed by `change(name, data)`, None for leaving it out, with a
    manifest that fits; `manifest` changes that."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        told = json.loads(old.read("manifest.json"))
        for entry in told["files"]:
            data = old.read(entry["name"])
            data = change(entry["name"], data) if change else data
            if data is None:
                continue
            entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
            new.writestr(zipfile.ZipInfo(entry["name"]), data, method)
        if manifest:
            manifest(told)
        new.writestr(zipfile.ZipInfo("manifest.json"), json.dumps(told), method)
    return target


def changed_row(table, **values):
    """A change for `rewritten`: these columns of the first row of that table."""

    def change(name, data):
        if name != f"rows/{table}.jsonl":
            return data
        first, *rest = data.splitlines(keepends=True)
        return (json.dumps(json.loads(first) | values) + "\n").encode() + b"".join(rest)

    return change


# -- archive and wipe ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", ["queued", "submitting", "running", "downloading", "unknown", "interrupted"]
)
def test_open_work_keeps_a_story_from_being_wiped(story, file, state):
    make_render(shots_of(story).last(), state)
    before = dump_story("the-lamp")

    ended = manage("archive_story", "--story-id=the-lamp", f"--to={file}", "--wipe")

    assert ended.returncode == 1
    assert "is not wiped: it has 1 render" in ended.stderr
    assert not file.exists()
    assert dump_story("the-lamp") == before


def test_film_in_the_making_keeps_a_story_from_being_wiped(story, file):
    Film.objects.update(status="rendering")

    with pytest.raises(ArchiveError, match="1 film queued or in the making"):
        wipe_story(story, archive_story(story, file))


def test_no_story_is_restored_while_its_files_are_removed(story, file, monkeypatch):
    archived, delete_files = archive_story(story, file), wipe._delete_files

    def deleting(*arguments):
        with pytest.raises(ArchiveError) as error:
            restore_story(file)
        assert error.value.code == "busy"
        return delete_files(*arguments)

    before = files_of("the-lamp")
    monkeypatch.setattr(wipe, "_delete_files", deleting)

    wipe_story(story, archived)

    restore_story(file)
    assert files_of("the-lamp") == before


def test_download_that_became_no_take_keeps_a_story_from_being_wiped(story, file, tmp_path):
    """It is paid for and named by its render, which has another key after a restore."""
    render = VideoRender.objects.filter(state="cancelled").get()
    other = make_render(only_shot(make_story("other")), "cancelled")
    for each in (render, other):
        media.put_bytes(kept_path(f"render-{each.pk}"), b"half a clip")
    before = dump_story("the-lamp")

    ended = manage("archive_story", "--story-id=the-lamp", f"--to={file}", "--wipe")

    assert ended.returncode == 1
    assert f"kept/render-{render.pk}.mp4." in ended.stderr
    assert dump_story("the-lamp") == before
    told = manage("archive_story", "--story-id=the-lamp", f"--to={file}", "--json").stdout
    assert json.loads(told)["left_out"] == {"kept_downloads": 1}
    media.delete(str(kept_path(f"render-{render.pk}")))
    wipe_story(story, archive_story(story, tmp_path / "again.zip"))


def test_archive_outlasts_a_power_failure_before_its_story_is_wiped(story, file, monkeypatch):
    synced, sync = [], os.fsync

    def noted(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)

    archive_story(story, file)

    assert Path(synced[-2]).name.startswith(f".{file.name}.")
    assert synced[-1] == str(file.parent)


def test_open_renders_are_left_out_and_counted(story, file):
    make_render(shots_of(story).last(), "running", batch=make_batch(story))
    RenderBatch.objects.create(story=story, task="x", mode="default", door="admin", status="draft")

    ended = manage("archive_story", "--story-id=the-lamp", f"--to={file}")

    assert "Left out: 1 render that is queued or in flight." in ended.stdout
    assert "Left out: 1 draft batch." in ended.stdout


def test_story_that_changed_since_is_not_wiped(story, file):
    archived = archive_story(story, file)
    VideoRender.objects.filter(take=1).update(review_reason="Other words.")
    before = dump_story("the-lamp")

    with pytest.raises(ArchiveError) as error:
        wipe_story(story, archived)

    assert error.value.code == "changed"
    assert dump_story("the-lamp") == before
    assert files_of("the-lamp")
    assert not WipedStory.objects.exists()


def test_file_that_another_story_uses_stays(story, file):
    other = make_archived_story("another", takes=1)
    name = story.pictures.exclude(file="").first().file
    other.pictures.filter(pk=other.pictures.first().pk).update(file=name)

    wipe_story(story, archive_story(story, file))

    assert media.exists(name)


def test_file_that_is_not_there_is_named(story, file):
    take = VideoRender.objects.filter(take=1).first()
    media.delete(take.video_file)

    ended = manage("archive_story", "--story-id=the-lamp", f"--to={file}")

    assert f"Not archived, because it is not there: {take.video_file}" in ended.stdout


def test_no_file_is_overwritten(story, file):
    file.write_bytes(b"an older archive")

    ended = manage("archive_story", "--story-id=the-lamp", f"--to={file}")

    assert ended.returncode == 2
    assert file.read_bytes() == b"an older archive"


def test_unknown_story_is_wrong_usage(story, file):
    Story.objects.update(archived_at=None)

    ended = manage("archive_story", "--story-id=the-lmap", f"--to={file}")

    assert ended.returncode == 2
    assert "the-lamp" in ended.stderr


def test_file_that_cannot_be_read_stops_the_archive(story, file):
    take = VideoRender.objects.filter(take=1).first()
    path = Path(settings.MEDIA_ROOT) / take.video_file
    path.unlink()
    path.mkdir()

    with pytest.raises(ArchiveError) as error:
        archive_story(story, file)

    assert error.value.code == "storage"
    assert not file.exists()


# -- restore: what is here already -----------------------------------------------------------------


def test_story_that_is_here_is_not_restored(story, file):
    archive_story(story, file)
    before = dump_story("the-lamp")

    ended = manage("restore_story", file)

    assert ended.returncode == 1
    assert "is here already" in ended.stderr
    assert dump_story("the-lamp") == before


def test_charges_that_the_ledger_has_are_not_restored_under_another_story(story, file, tmp_path):
    archive_story(story, file)
    renamed = rewritten(
        file,
        tmp_path / "renamed.zip",
        change=changed_row("storybook.story", story_id="the-lamp-2"),
        manifest=lambda told: told["story"].update(story_id="the-lamp-2"),
    )

    with pytest.raises(ArchiveError) as error:
        restore_story(renamed)

    assert error.value.code == "charged_here"
    assert Story.objects.count() == 1
    assert files_of("the-lamp")


def test_another_file_of_the_same_name_is_not_overwritten(wiped):
    media.put_bytes("the-lamp/films/window.mp4", b"another")

    with pytest.raises(ArchiveError) as error:
        restore_story(wiped)

    assert error.value.code == "file_differs"
    assert [each.name for each in media.files()] == ["the-lamp/films/window.mp4"]
    assert not Story.objects.exists()


def test_same_file_that_is_there_is_used(wiped):
    media.put_bytes("the-lamp/films/window.mp4", b"a whole film")

    assert restore_story(wiped).found == 1


# -- restore: damage -------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 100, 0.3, 0.7, 0.999])
def test_cut_archive_is_refused(wiped, kept):
    data = wiped.read_bytes()
    wiped.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    refused(wiped, "damaged")


def test_every_flipped_byte_is_noticed(wiped, tmp_path):
    """Some hundred of them, all over the file; what a zip does not look at may change."""
    data = wiped.read_bytes()
    noticed = 0
    for place in range(0, len(data), max(1, len(data) // 150)):
        broken = tmp_path / "broken.zip"
        broken.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            restored = restore_story(broken, is_dry_run=True)
        except ArchiveError:
            noticed += 1
        else:
            assert restored.rows["videogen.videorender"] == 7
        assert not Story.objects.exists()
    assert noticed > 75


def test_changed_take_is_refused(wiped, tmp_path):
    """With a checksum of the zip that fits, so that only the manifest's notices."""
    with zipfile.ZipFile(wiped) as old, zipfile.ZipFile(tmp_path / "changed.zip", "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith(".mp4"):
                data = data[::-1]
            new.writestr(info, data)

    refused(tmp_path / "changed.zip", "damaged")


def test_missing_and_added_files_are_refused(wiped, tmp_path):
    def without_takes(name, data):
        return None if name.endswith(".mp4") else data

    refused(rewritten(wiped, tmp_path / "less.zip", change=without_takes), "damaged")
    shutil.copy(wiped, tmp_path / "more.zip")
    with zipfile.ZipFile(tmp_path / "more.zip", "a") as opened:
        opened.writestr("media/the-lamp/more.mp4", b"more")
    refused(tmp_path / "more.zip", "damaged")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda told: told.update(version=2), "other_version"),
        (lambda told: told.update(format="another"), "not_an_archive"),
        (lambda told: told.pop("rows"), "not_an_archive"),
        (lambda told: told["rows"].update({"videogen.videorender": 6}), "damaged"),
        (lambda told: told["rows"].update({"videogen.videorender": 10**12}), "damaged"),
        (lambda told: told["rows"].update({"videogen.sequel": 1}), "not_an_archive"),
        (lambda told: told["story"].update(story_id="another"), "not_an_archive"),
        (lambda told: told["files"].append(told["files"][0]), "damaged"),
    ],
)
def test_manifest_that_does_not_fit_is_refused(wiped, tmp_path, change, code):
    refused(rewritten(wiped, tmp_path / "changed.zip", manifest=change), code)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("videogen.videorender", {"state": "queued", "ended_at": None}),
        ("videogen.videorender", {"state": "no-such-state"}),
        ("videogen.videorender", {"shot": 99}),
        ("videogen.videorender", {"queued_at": "yesterday"}),
        ("videogen.videorender", {"model": "x" * 101}),
        ("videogen.videorender", {"width": []}),
        ("videogen.videorender", {"new_column": 1}),
        ("videogen.videorender", {"prompt_text": None}),
        ("videogen.submission", {"outcome": "claimed"}),
        ("videogen.submission", {"outcome": "rejected"}),
        ("videogen.submission", {"price_usd": "0.01"}),
        ("videogen.submission", {"token": "no-token"}),
        ("videogen.renderbatch", {"status": "draft", "number": None}),
        ("videogen.takecheck", {"signature": "%%%"}),
        ("storybook.shot", {"shot_index": 0}),
        ("storybook.shot", {"shot_index": 2}),
    ],
)
def test_row_that_no_archive_has_is_refused(wiped, tmp_path, table, values):
    change = changed_row(table, **values)

    with pytest.raises(ArchiveError) as error:
        restore_story(rewritten(wiped, tmp_path / "changed.zip", change=change))

    assert error.value.code in ("not_an_archive", "not_accepted"), error.value
    assert not Story.objects.exists()
    assert not list(media.files())


def test_column_that_is_newer_than_the_archive_gets_its_default(wiped, tmp_path):
    def without_slots(name, data):
        if name != "rows/videogen.videorender.jsonl":
            return data
        lines = [json.loads(line) for line in data.splitlines()]
        assert all(line.pop("slot") == 1 for line in lines)
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    restore_story(rewritten(wiped, tmp_path / "older.zip", change=without_slots))

    assert {each.slot for each in VideoRender.objects.all()} == {1}


# -- restore: hostile zips -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "media/../outside.mp4",
        "/media/a.mp4",
        "media//a.mp4",
        "media/C:/a.mp4",
        "media/.partial/render-1.part",
        "media/a\nb.mp4",
        "media/" + "long/" * 400 + "a.mp4",
        "elsewhere/a.mp4",
        "rows/videogen.apitoken.jsonl",
    ],
)
def test_absurd_name_is_refused(wiped, tmp_path, name):
    def manifest(told):
        told["files"].append({"name": name, "bytes": 1, "sha256": "0" * 64})

    path = rewritten(wiped, tmp_path / "hostile.zip", manifest=manifest)
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(zipfile.ZipInfo(name), b"x")

    refused(path, "not_an_archive")
    assert not (tmp_path / "outside.mp4").exists()


def test_packed_bomb_is_refused(wiped, tmp_path):
    def bomb(name, data):
        return bytes(50 << 20) if name.endswith(".mp4") else data

    path = rewritten(wiped, tmp_path / "bomb.zip", change=bomb, method=zipfile.ZIP_DEFLATED)

    assert "nothing is packed" in refused(path, "not_an_archive")


def test_files_that_share_their_bytes_are_refused(tmp_path, wiped):
    """A zip whose directory names one piece of the file a hundred times."""
    path = tmp_path / "shared.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("media/a", bytes(100_000))
        info = opened.infolist()[0]
        for number in range(100):
            again = zipfile.ZipInfo(f"media/{number}")
            again.file_size = again.compress_size = info.file_size
            again.CRC, again.header_offset = info.CRC, info.header_offset
            opened.filelist.append(again)

    assert "larger than it is" in refused(path, "not_an_archive")


def test_symbolic_link_and_encryption_are_refused(wiped, tmp_path):
    link = zipfile.ZipInfo("media/the-lamp/link")
    link.external_attr = 0o120777 << 16
    shutil.copy(wiped, tmp_path / "link.zip")
    with zipfile.ZipFile(tmp_path / "link.zip", "a") as opened:
        opened.writestr(link, "/etc/passwd")
    refused(tmp_path / "link.zip", "not_an_archive")
    data = bytearray(wiped.read_bytes())
    place = data.rindex(b"PK\x01\x02")
    data[place + 8 : place + 10] = struct.pack("<H", 1)
    (tmp_path / "encrypted.zip").write_bytes(data)
    refused(tmp_path / "encrypted.zip", "not_an_archive")


def test_deep_and_long_lines_are_refused(wiped, tmp_path, monkeypatch):
    def deep(name, data):
        return b"[" * 100_000 + b"\n" if name == "rows/storybook.shot.jsonl" else data

    refused(rewritten(wiped, tmp_path / "deep.zip", change=deep), "damaged")
    monkeypatch.setattr("videogen.story_archives.archive_file.LONGEST_LINE", 100)
    refused(wiped, "damaged")


def test_what_is_no_archive_is_refused(wiped, tmp_path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("story.json", "{}")
    refused(path, "not_an_archive")
    path.write_text("no zip")
    refused(path, "damaged")
    assert manage("restore_story", tmp_path / "nowhere.zip").returncode == 2


# -- restore: in the middle ------------------------------------------------------------------------


def test_full_disk_leaves_nothing(wiped, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))

    assert "less room" in refused(wiped, "storage")


def test_disk_that_becomes_full_leaves_nothing(wiped):
    """After the first files: the takes are larger than what this process may write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        words = refused(wiped, "storage")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert "File too large" in words


def test_story_that_comes_at_the_last_moment_wins(wiped):
    others = iter(["Another"])

    def execute(run, sql, *arguments):
        is_first = sql.startswith('INSERT INTO "storybook_story"') and next(others, "")
        if is_first:
            Story.objects.bulk_create([Story(story_id="the-lamp", title="Another")])
        return run(sql, *arguments)

    with connection.execute_wrapper(execute), pytest.raises(ArchiveError) as error:
        restore_story(wiped)

    assert error.value.code == "not_accepted"
    assert not Submission.objects.exists()
    assert not list(media.files())
