from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from pathlib import Path

import pytest

from videogen.common.errors import VeoError
from videogen.pipeline.journal import (
    note_unsent,
    notes,
    probe,
    read_answers,
    remove_answer,
    reserve,
    unsent,
    write_answer,
)

TOKEN = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.fixture
def folder(settings):
    return Path(settings.STATE_DIR) / "journal"


def test_without_a_journal_there_are_no_answers():
    assert list(read_answers()) == []


def test_an_answer_is_kept_until_it_is_removed():
    other = uuid.uuid4()
    write_answer(TOKEN, "models/veo/operations/灯")
    write_answer(other, "models/veo/operations/b")

    kept = dict(read_answers())
    remove_answer(other)
    remove_answer(other)

    assert kept == {TOKEN: "models/veo/operations/灯", other: "models/veo/operations/b"}
    assert list(read_answers()) == [(TOKEN, "models/veo/operations/灯")]


def test_a_probe_does_what_is_done_with_an_answer_and_leaves_nothing(folder, monkeypatch):
    synced, sync = [], os.fsync

    def counted(descriptor):
        facts = os.fstat(descriptor)
        synced.append("folder" if stat.S_ISDIR(facts.st_mode) else facts.st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    reserve(TOKEN)
    write_answer(TOKEN, "a")
    of_answer, synced[:] = list(synced), []
    remove_answer(TOKEN)

    probe(folder)

    assert synced == of_answer == [2048, 2048, "folder"]
    assert list(folder.iterdir()) == []


def test_a_copy_of_a_note_says_nothing(folder):
    """A backup had it before the call left, and was restored since."""
    note_unsent(TOKEN)
    note, backup = folder / f"{TOKEN}.unsent", folder.parent / "backup"
    shutil.copy2(note, backup)
    reserve(TOKEN)
    backup.replace(note)

    assert (unsent(), notes()) == (set(), {TOKEN})


def test_a_probe_is_no_answer_to_whoever_reads_meanwhile(folder, monkeypatch):
    seen, sync = [], os.fsync

    def looking(descriptor):
        sync(descriptor)
        seen.append(([path.suffix for path in folder.iterdir()], list(read_answers())))

    monkeypatch.setattr(os, "fsync", looking)

    probe(folder)

    assert seen == [([".part"], []), ([".part"], []), ([".json"], [])]


def test_a_folder_that_forgets_what_is_written_is_no_place_for_answers(folder, monkeypatch):
    def emptied(descriptor):
        for path in folder.glob(".probe-*.json"):
            path.write_text("")

    monkeypatch.setattr(os, "fsync", emptied)

    with pytest.raises(OSError, match="read"):
        probe(folder)
    assert list(folder.iterdir()) == []


def test_a_call_that_may_leave_has_no_note_any_more(folder):
    note_unsent(TOKEN)
    (folder / "nonsense.unsent").touch()

    before = unsent()
    reserve(TOKEN)

    assert before == {TOKEN}
    assert unsent() == set()
    assert (folder / f".{TOKEN}.part").stat().st_size == 2048


def test_a_call_whose_note_cannot_be_removed_does_not_leave(folder, monkeypatch):
    """If the process were killed then, it would be sent a second time."""
    note_unsent(TOKEN)
    unlink = Path.unlink

    def refused(path, **options):
        if path.suffix == ".unsent":
            raise OSError(errno.EIO, "Input/output error")
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refused)

    with pytest.raises(VeoError) as raised:
        reserve(TOKEN)

    assert (raised.value.code, raised.value.maybe_accepted) == ("no_journal", False)
    assert list(folder.glob("*.part")) == []


def test_an_answer_is_one_file_named_by_its_token(folder):
    write_answer(TOKEN, "a")
    write_answer(TOKEN, "b")

    assert [path.name for path in folder.iterdir()] == [f"{TOKEN}.json"]
    assert list(read_answers()) == [(TOKEN, "b")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (f"{TOKEN}.json", ""),
        (f"{TOKEN}.json", '{"operation_name": "mod'),
        (f"{TOKEN}.json", "{}"),
        (f"{TOKEN}.json", "[]"),
        (f"{TOKEN}.json", "null"),
        ("notes.json", '{"operation_name": "x"}'),
        (f".{TOKEN}.part", '{"operation_name": "x"}'),
    ],
    ids=["empty", "half", "without a name", "a list", "null", "no token", "being written"],
)
def test_what_is_no_answer_is_passed_over(folder, name, content):
    other = uuid.uuid4()
    write_answer(other, "models/veo/operations/b")
    (folder / name).write_text(content)

    assert list(read_answers()) == [(other, "models/veo/operations/b")]
