"""The page on which the team makes, lists and revokes links for guests."""

from __future__ import annotations

import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from storybook.models import Story
from tests.support.admin_clients import browser_of, viewer
from tests.support.factories import force, make_story, only_shot
from tests.support.guests import make_link, make_stored_take
from videogen.films.film_worker import KEPT_SECONDS, remove_unused
from videogen.models import Film, GuestLink, GuestNote, VideoRender

pytestmark = pytest.mark.django_db

Review = VideoRender.Review
FORM = {"target": "watch", "takes": "best", "days": "14"}


@pytest.fixture
def story():
    return make_story()


@pytest.fixture
def film(story, settings):
    file = Path(settings.MEDIA_ROOT) / "the-lamp" / "films" / "film-1.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"film 1")
    return Film.objects.create(
        story=story,
        ending=story.scenelets.get(),
        status=Film.Status.DONE,
        file="the-lamp/films/film-1.mp4",
    )


def address(story):
    return reverse("admin:storybook_story_share", args=[story.pk])


def make(client, story, **values):
    return client.post(address(story), FORM | values)


def revoke(client, link):
    return client.post(reverse("admin:storybook_story_share_revoke", args=[link.story_id, link.pk]))


def test_a_link_is_shown_once_and_opens_the_story(admin_client, story):
    response = make(admin_client, story)

    link = GuestLink.objects.get()
    shown = response.context["address"]
    assert re.fullmatch(r"http://testserver/share/[\w-]{43}/", shown)
    assert "no-store" in response["Cache-Control"]
    assert Client().get(shown.removeprefix("http://testserver")).status_code == 200
    assert link.expires_at - link.made_at == pytest.approx(
        timedelta(days=14), abs=timedelta(seconds=5)
    )
    assert (link.made_by.get_username(), link.allows_notes, link.allows_download) == (
        "admin", False, False,
    )  # fmt: skip
    token = shown.split("/")[-2]
    assert token not in admin_client.get(address(story)).text
    history = admin_client.get(reverse("admin:storybook_story_history", args=[story.pk])).text
    assert "Made a link for guests" in history and token not in history


def test_the_address_is_that_of_the_site(admin_client, story, settings):
    settings.VIDEO_SITE_URL = "https://videogen.example"

    shown = make(admin_client, story).context["address"]

    assert shown.startswith("https://videogen.example/share/")


def test_what_was_asked_for_is_what_the_link_has(admin_client, story):
    make(
        admin_client, story, takes="approved", days="3", passphrase="open sesame",
        allows_notes="on", allows_download="on",
    )  # fmt: skip

    link = GuestLink.objects.get()
    assert (link.takes, link.is_frozen, link.allows_notes, link.allows_download) == (
        "approved", False, True, True,
    )  # fmt: skip
    assert link.accepts("open sesame") and not link.accepts("open")
    assert link.expires_at < timezone.now() + timedelta(days=3)


@pytest.mark.parametrize(
    "values",
    [
        {"days": "0"},
        {"days": "366"},
        {"days": ""},
        {"passphrase": "short"},
        {"target": "film"},
        {"target": "99999999999999999999"},
        {"takes": "worst"},
    ],
)
def test_what_makes_no_sense_makes_no_link(admin_client, story, values):
    response = make(admin_client, story, **values)

    assert response.context["form"].errors and not response.context["address"]
    assert not GuestLink.objects.exists()


def test_the_takes_of_the_day_are_kept(admin_client, story):
    take = make_stored_take(only_shot(story))
    make(admin_client, story, is_frozen="1")

    assert GuestLink.objects.get().frozen_takes == {str(take.shot_id): take.pk}


def test_the_maker_is_told_what_became_of_kept_takes(admin_client, story, settings):
    take = make_stored_take(only_shot(story))
    make(admin_client, story, is_frozen="1")
    [listed] = admin_client.get(address(story)).context["links"]
    assert listed.findings == []

    force(take, review=Review.REJECTED)
    [listed] = admin_client.get(address(story)).context["links"]
    assert (listed.rejected, listed.missing) == (1, 0)
    assert "rejected" in listed.findings[0]

    (Path(settings.MEDIA_ROOT) / take.video_file).unlink()
    [listed] = admin_client.get(address(story)).context["links"]
    assert (listed.rejected, listed.missing) == (0, 1)


def test_a_film_of_the_day_is_kept_until_the_link_ends(admin_client, story, film, settings):
    make(admin_client, story, target=film.pk, is_frozen="1")
    link = GuestLink.objects.get()
    assert (link.film, link.frozen_file) == (film, film.file)
    Film.objects.update(file="the-lamp/films/film-2.mp4")
    old = Path(settings.MEDIA_ROOT) / film.file
    os.utime(old, (time.time() - KEPT_SECONDS - 60,) * 2)

    remove_unused()
    assert old.is_file()

    link.revoke()
    remove_unused()
    assert not old.exists()


def test_the_page_of_films_leads_to_the_link_of_a_film(admin_client, story, film):
    response = admin_client.get(address(story), {"film": film.pk})

    assert response.context["form"]["target"].value() == str(film.pk)
    films = admin_client.get(reverse("admin:storybook_story_films", args=[story.pk])).text
    assert f"{address(story)}?film={film.pk}" in films


def test_the_list_says_where_each_link_stands(admin_client, story, time_machine):
    link, token = make_link(story, expires_at=timezone.now() + timedelta(days=20))
    make_link(story, expires_at=timezone.now() + timedelta(days=1))
    revoked, _ = make_link(story)
    revoked.revoke()
    Client().get(f"/share/{token}/")
    time_machine.move_to(timezone.now() + timedelta(days=2))

    links = admin_client.get(address(story)).context["links"]

    assert [each.badge.word for each in links] == ["revoked", "expired", "open"]
    assert [each.is_open for each in links] == [False, False, True]
    assert links[-1].link.openings == 1


REVIEWER = ("storybook.view_shot", "videogen.view_videorender", "videogen.review_video")


def test_any_reviewer_revokes_a_link(admin_client, story):
    make(admin_client, story)
    link = GuestLink.objects.get()

    assert revoke(browser_of(*REVIEWER), link).status_code == 302

    link.refresh_from_db()
    assert link.revoked_at
    first = link.revoked_at
    revoke(admin_client, link)
    link.refresh_from_db()
    assert link.revoked_at == first


def test_a_link_is_revoked_on_the_page_of_its_story_only(admin_client, story):
    link, _ = make_link(story)
    other = make_story("other")

    response = admin_client.post(
        reverse("admin:storybook_story_share_revoke", args=[other.pk, link.pk])
    )

    link.refresh_from_db()
    assert (response.status_code, link.revoked_at) == (404, None)


def test_people_who_may_not_review_share_nothing(story):
    browser = viewer()
    link, _ = make_link(story)

    assert browser.get(address(story)).status_code == 403
    assert make(browser, story).status_code == 403
    assert revoke(browser, link).status_code == 403
    watch = browser.get(reverse("admin:storybook_story_watch", args=[story.pk]))
    assert address(story) not in watch.text


def test_notes_are_shown_at_the_link_and_beside_the_takes(admin_client, story):
    shot = only_shot(story)
    take = make_stored_take(shot)
    link, _ = make_link(story)
    link.add_note(text="<b>Too</b> bright.", name="<i>Ann</i>", shot=shot, render=take, seconds=2.5)

    [listed] = admin_client.get(address(story)).context["links"]
    takes = admin_client.get(reverse("admin:storybook_shot_takes", args=[shot.pk]))

    assert [note.text for note in listed.notes] == ["<b>Too</b> bright."]
    assert [note.text for note in takes.context["guest_notes"]] == ["<b>Too</b> bright."]
    for page in (admin_client.get(address(story)), takes):
        assert "&lt;b&gt;Too&lt;/b&gt; bright." in page.text
        assert "<bdi>&lt;i&gt;Ann&lt;/i&gt;</bdi> (a guest)" in page.text
        assert "at 2.5 s" in page.text and "take 1" in page.text


def test_links_and_notes_go_with_the_story_and_the_film(story, film):
    make_link(story, film=film)
    link, _ = make_link(story)
    link.add_note(text="Lovely.")

    film.delete()
    assert GuestLink.objects.get() == link
    Story.objects.get(pk=story.pk).delete()

    assert not GuestLink.objects.exists() and not GuestNote.objects.exists()


def test_queries_do_not_grow_with_the_links(admin_client):
    counts = []
    for story, number in ((make_story("few"), 1), (make_story("many"), 8)):
        shot = only_shot(story)
        take = make_stored_take(shot)
        for _ in range(number):
            link, _ = make_link(story, is_frozen=True, frozen_takes={str(shot.pk): take.pk})
            link.add_note(text="Lovely.", shot=shot, render=take)
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(address(story))
        counts.append(len(queries))

    assert counts[0] == counts[1]
