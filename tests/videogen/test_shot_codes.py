"""A shot is never named without its code: on no page, and in no line of the commands."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import urlsplit

import pytest
from django.urls import resolve

from storybook.models import Scenelet, Shot, read_shot_code, shot_code
from tests.support.admin_clients import ask, parts_of
from tests.support.admin_urls import addresses, person
from tests.support.all_states import make_everything
from tests.support.commands import manage
from tests.support.factories import make_story
from tests.support.permission_table import PAGES

pytestmark = pytest.mark.django_db

# "shot 3", "/ shot 3", "Shot 3": the index alone. "3 shots" is a number of shots.
_index = re.compile(r"\bshot \d+\b", re.IGNORECASE)
_takes = re.compile(r"/admin/storybook/shot/(\d+)/takes/")
# Each opening tag goes, but its words stay: what a screen reader says, and the hints.
_said = re.compile(r"""\b(?:aria-label|title|alt)="([^"]*)\"""")
_tag = re.compile(r"<[^>]*>")


@pytest.fixture
def world():
    """A story whose scenelet is not the first one, so that its place and its row differ."""
    story = make_story(scenelets=("the-quay", "the-mill"), shots=9)
    Scenelet.objects.filter(scenelet_id="the-mill").update(sequence=0, title="The Mill")
    Scenelet.objects.get(scenelet_id="the-quay").save()
    return make_everything(story=story)


def texts_of(page):
    """What the page says, tag by tag."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page)
    return html.unescape(" ".join([*_said.findall(body), _tag.sub("\n", body)]))


def test_no_page_names_a_shot_without_its_code(world):
    codes = {shot.pk: shot.code for shot in Shot.objects.select_related("scenelet")}
    browser = person("superuser")
    wrong, with_codes = [], set()

    for address in addresses(world):
        response, _ = ask(browser, "GET", address)
        route = resolve(urlsplit(address).path).route
        for page in parts_of(response):
            texts = texts_of(page)
            wrong += [f"{address}: {found}" for found in _index.findall(texts)]
            # A part alone may link to the shot that its page names above it.
            linked = {int(pk) for pk in _takes.findall(page) if "<html" in page}
            wrong += [f"{address}: no {codes[pk]}" for pk in linked if codes[pk] not in texts]
            if linked:
                with_codes.add(route)

    assert not wrong, "\n".join(dict.fromkeys(wrong))
    # The pages on which shots are named are among those that were looked at.
    assert {
        "admin/",
        "admin/storybook/shot/",
        "admin/storybook/story/<int:pk>/board/",
        "admin/storybook/story/<int:pk>/watch/",
        "admin/videogen/renderbatch/<int:pk>/plan/",
        "admin/videogen/renderbatch/<int:pk>/progress/",
        "admin/videogen/submission/",
        "admin/videogen/videorender/unresolved/",
    } <= with_codes
    assert with_codes & PAGES.keys()


def test_no_line_of_a_command_names_a_shot_without_its_code(world):
    story_id = world.story.story_id
    make_story("the-other", scenelets=("the-quay", "the-mill"), shots=3)
    task = ("--task=CREATE_SHOT_VIDEO", "--story-id=the-other", "--no-wait")
    commands = [
        ("story_status", "--story-id", story_id),
        ("reconcile", "--dry-run"),
        ("run_task", *task, "--verbose"),
        ("run_task", *task),
    ]

    for command in commands:
        ended = manage(*command)
        assert not _index.search(ended.stdout + ended.stderr), command
        assert re.search(r"\bS0[12]-0\d\b", ended.stdout), ended
        assert not re.search(r"the-(quay|mill) / \d", ended.stdout), command
    lines = manage("story_status", "--story-id", story_id, "--json").stdout.splitlines()
    shots = [json.loads(line) for line in lines[:-1]]
    assert {each["code"] for each in shots if each["scenelet_id"] == "the-mill"} == {
        shot_code(1, index) for index in range(1, 10)
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("S03-02", (3, 2)),
        ("s3-2", (3, 2)),
        ("S120-07", (120, 7)),
        ("S03", None),
        ("XS03-02", None),
        ("S03-02 ", None),
        ("S٣-٢", None),
        ("S" + "9" * 40 + "-1", None),
    ],
)
def test_a_code_is_read(text, found):
    assert read_shot_code(text) == found


@pytest.mark.parametrize(
    ("listed", "number"),
    [("storybook/shot", 1), ("videogen/videorender", 4), ("videogen/submission", 3)],
)
def test_lists_find_the_code(world, listed, number):
    browser = person("superuser")
    shot = world.renders["done"][0].shot

    def found(words):
        return browser.get(f"/admin/{listed}/", {"q": words}).context["cl"].result_count

    assert found(shot.code.lower()) == number
    assert found("S77-01") == 0
    assert found(f"{shot.code} no-such-words") == 0
