from __future__ import annotations

import pytest

from tests.support.story_archives import make_archived_story
from videogen.story_archives.archive import archive_story
from videogen.story_archives.wipe import wipe_story


@pytest.fixture
def story():
    return make_archived_story(takes=1)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "the-lamp.zip"


@pytest.fixture
def wiped(story, file):
    """The archive of a story that is not here any more."""
    wipe_story(story, archive_story(story, file))
    return file
