from __future__ import annotations

import pytest
from django.urls import reverse

from storybook.models import Story
from tests.support.story_archives import make_archived_story
from videogen.models import WipedStory
from videogen.pipeline.results import apply_accepted
from videogen.story_archives.archive import archive_story
from videogen.story_archives.wipe import wipe_story

pytestmark = pytest.mark.django_db


def test_wiped_story_shows_its_archive_and_what_it_has_cost(admin_client, tmp_path):
    story = make_archived_story(takes=1)
    archived = archive_story(story, tmp_path / "the-lamp.zip")
    wiped = wipe_story(story, archived)
    row = WipedStory.objects.get()
    unknown = row.charges.filter(outcome="accepted").first()
    row.charges.filter(pk=unknown.pk).update(outcome="unknown", operation_name="")
    apply_accepted(unknown.token, "models/veo/operations/late")

    listed = admin_client.get(reverse("admin:videogen_wipedstory_changelist"))
    shown = admin_client.get(reverse("admin:videogen_wipedstory_change", args=[row.pk]))
    spending = admin_client.get(reverse("admin:videogen_submission_spending"))

    assert [each.number for each in listed.context["cl"].result_list] == [wiped.charges]
    assert [each.usd for each in listed.context["cl"].result_list] == [wiped.spent_usd]
    assert archived.sha256 in shown.text
    assert "the-lamp.zip" in shown.text
    assert "models/veo/operations/late" in shown.text
    assert spending.context["wiped"] == "$6.40"


@pytest.mark.parametrize(
    ("asked", "found"), [("", ["a", "b"]), ("yes", ["b"]), ("no", ["a"]), ("maybe", ["a", "b"])]
)
def test_list_of_stories_says_which_are_archived(admin_client, asked, found):
    Story.objects.create(story_id="a", title="a")
    Story.objects.create(story_id="b", title="b", archived_at="2026-11-02T10:00Z")

    page = admin_client.get(reverse("admin:storybook_story_changelist"), {"archived": asked})

    listed = page.context["cl"]
    assert [each.story_id for each in listed.result_list] == found
    assert "archived" in listed.list_display
