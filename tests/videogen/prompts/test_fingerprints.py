"""Hashes over what is sent: equal for the same request, another one for every difference."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from tests.support.factories import make_render, make_shot
from videogen.models import VideoRender
from videogen.prompts.fingerprints import content_sha256, hashes_of, request_sha256

REFERENCES = [{"sha256": "a" * 64, "path": "one.png"}, {"sha256": "b" * 64, "path": "two.png"}]
PROMPT = '{"storyboard_payload": {"framingAndAngle": "wide,  low"}}'


def unsaved(**values):
    fields = {
        "prompt_text": PROMPT,
        "references": REFERENCES,
        "model": "veo-3.1-generate-preview",
        "aspect_ratio": "16:9",
        "resolution": "1080p",
        "duration_seconds": 8,
    }
    return VideoRender(**fields | values)


def test_the_same_is_the_same():
    assert hashes_of(unsaved()) == hashes_of(unsaved())
    assert {len(each) for each in hashes_of(unsaved()).values()} == {64}


OTHER_CONTENT = {
    "prompt": {"prompt_text": PROMPT.replace("low", "high")},
    "white space in a text": {"prompt_text": PROMPT.replace(",  ", ", ")},
    "keys in another order": {"prompt_text": '{"b": 1, "a": 1}'},
    "one picture less": {"references": REFERENCES[:1]},
    "another picture": {"references": [REFERENCES[0], {"sha256": "c" * 64, "path": "two.png"}]},
    "another order": {"references": REFERENCES[::-1]},
}
OTHER_SETTINGS = {
    "model": {"model": "veo-3.1-fast-generate-preview"},
    "aspect ratio": {"aspect_ratio": "9:16"},
    "resolution": {"resolution": "720p"},
    "seconds": {"duration_seconds": 6},
    "reference type": {"reference_type": "style"},
}


@pytest.mark.parametrize("change", OTHER_CONTENT.values(), ids=OTHER_CONTENT)
def test_other_content_is_another_request(change):
    one, other = hashes_of(unsaved(prompt_text='{"a": 1, "b": 1}')), hashes_of(unsaved(**change))
    same = hashes_of(unsaved())

    assert other["content_sha256"] not in (one["content_sha256"], same["content_sha256"])
    assert other["request_sha256"] not in (one["request_sha256"], same["request_sha256"])


@pytest.mark.parametrize("change", OTHER_SETTINGS.values(), ids=OTHER_SETTINGS)
def test_other_settings_are_another_request_of_the_same_content(change):
    one, other = hashes_of(unsaved()), hashes_of(unsaved(**change))

    assert one["content_sha256"] == other["content_sha256"]
    assert one["request_sha256"] != other["request_sha256"]


def test_neither_indentation_nor_file_names_are_content():
    indented = json.dumps(json.loads(PROMPT), indent=2)
    moved = [{**each, "path": f"elsewhere/{each['path']}"} for each in REFERENCES]

    assert hashes_of(unsaved()) == hashes_of(unsaved(prompt_text=indented, references=moved))


def test_where_nothing_was_asked_for_there_is_no_hash():
    assert hashes_of(unsaved(prompt_text="")) == {"content_sha256": "", "request_sha256": ""}


@pytest.mark.parametrize("text", ["no JSON", "\ud800", "[NaN]", ""])
def test_any_text_has_a_hash(text):
    content = content_sha256(text, [])

    assert len(content) == 64
    assert request_sha256(
        content, model=text, aspect_ratio="", resolution="", duration_seconds=8
    ) != content_sha256(text + ".", [])


@pytest.mark.django_db
def test_old_rows_get_their_hashes(monkeypatch):
    migration = importlib.import_module("videogen.migrations.0015_request_hashes")
    monkeypatch.setattr(migration, "AT_ONCE", 2)
    shot = make_shot()
    old = [
        make_render(shot, "failed", prompt_text=json.dumps({"number": number}))
        for number in range(5)
    ]
    link = make_render(shot, "failed", prompt_text="")
    new = make_render(shot, "failed", content_sha256="c" * 64, request_sha256="d" * 64)

    migration.fill(apps, SimpleNamespace(connection=connection))

    for render in (*old, link, new):
        render.refresh_from_db()
    for render in (*old, link):
        kept = {"content_sha256": render.content_sha256, "request_sha256": render.request_sha256}
        assert kept == hashes_of(render)
    assert len({render.request_sha256 for render in old}) == 5
    assert (new.content_sha256, new.request_sha256) == ("c" * 64, "d" * 64)
