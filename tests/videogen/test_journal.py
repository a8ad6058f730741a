from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from videogen.journal import read_answers, remove_answer, write_answer

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
