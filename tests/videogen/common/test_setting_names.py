from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.admin_clients import browser_of
from tests.support.admin_urls import person
from tests.support.factories import make_render, make_story, shots_of
from videogen.common.setting_names import without_names
from videogen.models import VideoRender


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "<p>It makes 720p: set VIDEO_RESOLUTION to 720p.</p>",
            "<p>It makes 720p: ask an administrator to set the installation's resolution to "
            "720p.</p>",
        ),
        (
            "<li>Set VIDEO_BACKEND=vertex.</li>",
            "<li>Ask an administrator to set the installation's way to make videos to vertex.</li>",
        ),
        (
            "<option>VIDEO_MODEL: veo-9</option>",
            "<option>The installation's default model: veo-9</option>",
        ),
        ("Empty: VIDEO_MODEL.", "Empty: the installation's default model."),
        ("NO_SUCH_THING and VIDEO stay.", "NO_SUCH_THING and VIDEO stay."),
        (
            '<a href="?q=VIDEO_MODEL">VIDEO_SEED</a>',
            '<a href="?q=VIDEO_MODEL">The installation\'s seed</a>',
        ),
        ("<textarea>VIDEO_MODEL</textarea>", "<textarea>VIDEO_MODEL</textarea>"),
        ("<pre>\nVIDEO_MODEL</pre>", "<pre>\nVIDEO_MODEL</pre>"),
    ],
)
def test_variables_become_words_in_text_only(text, told):
    assert without_names(text) == told


@pytest.fixture
def shot(db):
    shot = shots_of(make_story(pictures={})).get()
    make_render(
        shot, VideoRender.State.FAILED, error_message="Too large: set VIDEO_DOWNLOAD_MAX_MEGABYTES."
    )
    return shot


@pytest.mark.parametrize(("role", "is_named"), [("superuser", True), ("producer", False)])
def test_only_those_who_can_set_a_variable_read_its_name(shot, role, is_named):
    browser = person(role)
    story = shot.scenelet.story_id
    addresses = [
        reverse("admin:storybook_shot_takes", args=[shot.pk]),
        reverse("admin:storybook_story_board", args=[story]),
        reverse("admin:storybook_story_board_state", args=[story]),
        reverse("admin:storybook_story_change", args=[story]),
    ]

    for address in addresses:
        page = browser.get(address).text

        assert ("VIDEO_" in page) is is_named, address
        assert ("the installation" in page) is not is_named, address


def test_a_json_answer_stays_one(shot):
    browser = browser_of("storybook.view_shot", "storybook.view_story", "videogen.view_videorender")
    url = reverse("admin:storybook_story_board_state", args=[shot.scenelet.story_id])

    assert "ask an administrator" in str(browser.get(url).json()["parts"])
