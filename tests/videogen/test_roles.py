from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("group", "permission", "has"),
    [
        ("viewer", "videogen.view_videorender", True),
        ("viewer", "storybook.change_shot", False),
        ("viewer", "videogen.review_video", False),
        ("reviewer", "videogen.view_videorender", True),
        ("reviewer", "videogen.review_video", True),
        ("reviewer", "videogen.add_takenote", True),
        ("reviewer", "videogen.generate_video", False),
        ("reviewer", "videogen.add_direction", False),
        ("reviewer", "storybook.change_shot", False),
        ("artist", "videogen.view_videorender", True),
        ("artist", "storybook.change_designdocument", True),
        ("artist", "videogen.change_referencechoice", True),
        ("artist", "videogen.generate_video", False),
        ("artist", "videogen.review_video", False),
        ("producer", "storybook.change_shot", True),
        ("producer", "videogen.generate_video", True),
        ("producer", "videogen.review_video", True),
        ("producer", "auth.change_user", False),
    ],
)
def test_groups_have_their_rights(group, permission, has):
    person = get_user_model().objects.create_user("somebody", is_staff=True)
    person.groups.add(Group.objects.get(name=group))

    assert person.has_perm(permission) is has


def test_reviewers_see_what_viewers_see_and_may_spend_nothing():
    rights = {
        name: set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        for name in ("viewer", "reviewer")
    }

    assert rights["reviewer"] - rights["viewer"] == {
        "review_video",
        "add_takenote",
        "change_takenote",
    }
    assert rights["viewer"] < rights["reviewer"]
