"""What a guest sees, and what not."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from storybook.models import Scenelet
from tests.support.factories import force, make_story, only_shot, shots_of
from tests.support.guests import CLIP, make_link, make_stored_take
from videogen.models import Film, GuestLink, GuestNote, VideoRender
from videogen.models.guest_links import MOST_NOTES, MOST_NOTES_A_MINUTE
from videogen.views import media

pytestmark = pytest.mark.django_db

Review = VideoRender.Review


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "django.request")


@pytest.fixture
def story():
    """A choice with two endings. The first shot has two takes."""
    story = make_story(scenelets=("start", "left", "right"))
    start, *others = story.scenelets.order_by("place")
    Scenelet.objects.filter(pk__in=[each.pk for each in others]).update(parent=start)
    return story


@pytest.fixture
def guest():
    return Client()


def page(guest, token, **query):
    return guest.get(f"/share/{token}/", query)


def body_of(response):
    content = response.getvalue()
    response.close()
    return content


def addresses_in(html, base):
    found = re.findall(r'(?:href|src|action|poster)="([^"]*)"', html)
    data = re.search(r'<script id="watch-data"[^>]*>(.*?)</script>', html)
    if data:
        for scenelet in json.loads(data[1])["story"]["scenelets"].values():
            for shot in scenelet["shots"]:
                found += filter(None, (shot["video"], shot["still"]))
    return {urljoin(base, each) for each in found}


def test_a_story_is_watched_by_path_and_as_a_reader(guest, story):
    _, token = make_link(story)

    first, reader = page(guest, token).context, page(guest, token, path="").context
    assert first["player"]["path"] == ["s1", "s2"]
    assert [each["shot"].code for each in first["strip"]] == ["S01-01", "S02-01"]
    assert reader["player"]["path"] is None
    assert "nowhere" in page(guest, token, path="nowhere").context["problem"]


def test_a_guest_sees_nothing_but_what_the_link_covers(guest, story):
    """Follows every address of the page and of what the player reads."""
    maker = get_user_model().objects.create_user("mira-secret", first_name="Miranda")
    shot = shots_of(story).first()
    hidden = make_stored_take(
        shot,
        b"another take",
        review=Review.REJECTED,
        review_reason="reason-secret",
        prompt_text="prompt-secret",
        requested_by_name="name-secret",
    )
    shown = make_stored_take(
        shot, review=Review.APPROVED, reviewed_by=maker, prompt_text="prompt-secret"
    )
    other = make_story("other")
    other_take = make_stored_take(only_shot(other))
    link, token = make_link(story, made_by=maker, allows_notes=True, allows_download=True)
    link.add_note(text="note-secret", name="Another guest", shot=shot)
    base = f"http://testserver/share/{token}/"
    todo, seen, texts = {base}, set(), []
    while todo:
        url = todo.pop()
        seen.add(url)
        if "/static/" in url:
            continue
        response = guest.get(url.removeprefix("http://testserver"))
        assert response.status_code == 200, url
        assert url.startswith(base)
        content = body_of(response)
        assert content != b"another take"
        texts.append(str(response.headers.items()))
        if response["Content-Type"].startswith("text/"):
            texts.append(content.decode())
        if response["Content-Type"].startswith("text/html"):
            todo |= addresses_in(content.decode(), url) - seen

    told = " ".join(texts)
    assert len(seen) > 8
    assert f"{base}clips/{shot.pk}.mp4" in seen
    for secret in (
        "secret", "$", "/admin/", "Miranda", "Another guest", "approved", "take ", "veo",
        "A girl of ten", hidden.video_file, shown.video_file,
    ):  # fmt: skip
        assert secret not in told, secret
    # What other stories have, and what is below other addresses.
    for path in (f"clips/{other_take.shot_id}.mp4", f"stills/{shot.pk}", "film.mp4"):
        assert guest.get(f"/share/{token}/{path}").status_code == 404
    assert guest.get(f"/media/{shown.video_file}").status_code == 302


def test_takes_as_they_are_today_and_frozen_ones(guest):
    story = make_story()
    shot = only_shot(story)
    first = make_stored_take(shot, b"first")
    _, today = make_link(story)
    _, frozen = make_link(story, is_frozen=True, frozen_takes={str(shot.pk): first.pk})

    make_stored_take(shot, b"second")
    force(first, review=Review.REJECTED)

    assert body_of(guest.get(f"/share/{today}/clips/{shot.pk}.mp4")) == b"second"
    assert body_of(guest.get(f"/share/{frozen}/clips/{shot.pk}.mp4")) == b"first"
    assert page(guest, frozen).context["player"]["story"]["scenelets"]["s1"]["shots"][0]["video"]


def test_a_frozen_shot_without_a_take_gets_none(guest):
    story = make_story()
    shot = only_shot(story)
    _, frozen = make_link(story, is_frozen=True)

    make_stored_take(shot)

    assert guest.get(f"/share/{frozen}/clips/{shot.pk}.mp4").status_code == 404
    assert body_of(guest.get(f"/share/{frozen}/stills/{shot.pk}"))


def test_only_takes_of_the_rule_are_shown(guest):
    story = make_story()
    make_stored_take(only_shot(story))
    _, token = make_link(story, takes="approved")

    assert guest.get(f"/share/{token}/clips/{only_shot(story).pk}.mp4").status_code == 404


def test_a_clip_that_is_gone_is_shown_as_its_still(guest, settings):
    story = make_story()
    take = make_stored_take(only_shot(story))
    (Path(settings.MEDIA_ROOT) / take.video_file).unlink()
    _, token = make_link(story)

    [shot] = page(guest, token).context["player"]["story"]["scenelets"]["s1"]["shots"]

    assert shot["video"] == "" and body_of(guest.get(shot["still"]))


def test_a_shot_that_left_the_story_is_not_covered(guest):
    story = make_story(shots=2)
    shot = shots_of(story).last()
    make_stored_take(shot)
    _, token = make_link(story)
    shots_of(story).filter(pk=shot.pk).update(gone_since=timezone.now())

    assert guest.get(f"/share/{token}/clips/{shot.pk}.mp4").status_code == 404


# -- files


@pytest.fixture
def clip(story):
    make_stored_take(shots_of(story).first())
    link, token = make_link(story)
    return link, f"/share/{token}/clips/{shots_of(story).first().pk}.mp4"


def test_a_guest_can_seek(guest, clip):
    _, url = clip
    whole = guest.get(url)
    part = guest.get(url, headers={"Range": "bytes=100-199", "If-Range": whole["ETag"]})

    assert (whole["Content-Type"], body_of(whole)) == ("video/mp4", CLIP)
    assert (part.status_code, part["Content-Range"]) == (206, "bytes 100-199/1024")
    assert body_of(part) == CLIP[100:200]
    assert guest.get(url, headers={"Range": "bytes=5000-"}).status_code == 416
    head = guest.head(url)
    assert (head.status_code, head["Content-Length"], head.content) == (200, "1024", b"")
    assert guest.post(url).status_code == 405


def test_a_web_server_may_send_the_files(guest, clip, settings):
    settings.VIDEO_ACCEL_PREFIX = "/internal-media/"
    link, url = clip

    assert guest.get(url)["X-Accel-Redirect"].startswith("/internal-media/take-")
    link.revoke()
    assert "X-Accel-Redirect" not in guest.get(url)


def test_a_clip_is_a_download_only_where_that_is_allowed(guest, clip):
    link, url = clip
    kept = guest.get(f"{url}?download")
    GuestLink.objects.filter(pk=link.pk).update(allows_download=True)
    allowed = guest.get(f"{url}?download")

    assert "Content-Disposition" not in kept
    assert allowed["Content-Disposition"] == 'attachment; filename="S01-01.mp4"'
    kept.close()
    allowed.close()


def test_a_file_that_is_being_sent_stops_when_the_link_is_revoked(guest, clip, monkeypatch):
    monkeypatch.setattr(media, "ASKING_SECONDS", 0)
    monkeypatch.setattr(media, "CHUNK_BYTES", 100)
    link, url = clip
    response = guest.get(url)
    sent = iter(response)
    assert next(sent) + next(sent) == CLIP[:200]

    link.revoke()

    with pytest.raises(ConnectionAbortedError):
        next(sent)
    response.close()


def test_captions(guest, clip):
    _, url = clip
    response = guest.get(url.replace("clips", "captions").replace(".mp4", ".vtt"))

    assert response["Content-Type"].startswith("text/vtt")
    assert "Who lit the lamp?" in response.text


# -- a film


@pytest.fixture
def film(story, settings):
    root = Path(settings.MEDIA_ROOT)
    (root / "film-1.mp4").write_bytes(b"film 1")
    return Film.objects.create(
        story=story, ending=story.scenelets.last(), status=Film.Status.DONE, file="film-1.mp4"
    )


def test_a_link_to_a_film_shows_the_film_and_no_take(guest, story, film):
    shot = shots_of(story).first()
    make_stored_take(shot)
    _, token = make_link(story, film=film)

    response = page(guest, token)

    assert response.context["film_url"] == f"/share/{token}/film.mp4"
    assert "player" not in response.context
    assert body_of(guest.get(f"/share/{token}/film.mp4")) == b"film 1"
    assert guest.get(f"/share/{token}/clips/{shot.pk}.mp4").status_code == 404


def test_the_film_of_today_and_that_of_the_day_of_the_link(guest, story, film, settings):
    _, today = make_link(story, film=film)
    _, frozen = make_link(story, film=film, is_frozen=True, frozen_file=film.file)
    (Path(settings.MEDIA_ROOT) / "film-2.mp4").write_bytes(b"film 2")
    Film.objects.update(file="film-2.mp4")

    assert body_of(guest.get(f"/share/{today}/film.mp4")) == b"film 2"
    assert body_of(guest.get(f"/share/{frozen}/film.mp4")) == b"film 1"


def test_a_film_that_is_gone(guest, story, film, settings):
    (Path(settings.MEDIA_ROOT) / film.file).unlink()
    _, token = make_link(story, film=film)

    assert page(guest, token).context["film_url"] == ""
    assert guest.get(f"/share/{token}/film.mp4").status_code == 404


# -- notes


def send_note(guest, token, **values):
    return guest.post(f"/share/{token}/", {"text": "The lamp is too bright."} | values)


def test_a_note_is_kept_with_its_shot_and_the_take_that_was_seen(guest, story):
    shot = shots_of(story).first()
    take = make_stored_take(shot)
    _, token = make_link(story, allows_notes=True)

    response = send_note(guest, token, shot=shot.pk, seconds="2.5", name="Ann", path="")

    assert response.url == f"/share/{token}/?path=&noted=1"
    note = GuestNote.objects.get()
    assert (note.shot, note.render, note.seconds, note.name) == (shot, take, 2.5, "Ann")
    assert "data-noted" in guest.get(response.url).text
    assert VideoRender.objects.get().review == Review.UNREVIEWED


def test_a_note_needs_only_its_text(guest, story):
    _, token = make_link(story, allows_notes=True)
    send_note(guest, token)

    note = GuestNote.objects.get()
    assert (note.shot, note.seconds, note.name) == (None, None, "")


def test_no_notes_where_they_are_off_or_the_passphrase_is_missing(guest, story):
    for values in ({}, {"allows_notes": True, "passphrase": "open sesame"}):
        _, token = make_link(story, **values)
        assert "data-note-form" not in page(guest, token).text
        send_note(guest, token)

    assert not GuestNote.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"text": ""},
        {"text": "  "},
        {"text": "x" * 2001},
        {"text": "a\0b"},
        {"name": "x" * 61},
        {"seconds": "nan"},
        {"seconds": "-1"},
        {"seconds": "soon"},
        {"shot": "0"},
        {"shot": "x"},
        {"shot": "99999999999999999999"},
    ],
)
def test_what_is_no_note_is_refused_and_its_words_are_kept(guest, story, values):
    _, token = make_link(story, allows_notes=True)
    response = send_note(guest, token, **values)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not GuestNote.objects.exists()


def test_too_many_notes_have_to_wait(guest, story, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    link, token = make_link(story, allows_notes=True)
    for _ in range(MOST_NOTES_A_MINUTE):
        assert send_note(guest, token).status_code == 302

    response = send_note(guest, token)

    assert response.status_code == 429
    assert "The lamp is too bright." in response.text
    time_machine.shift(61)
    assert send_note(guest, token).status_code == 302
    GuestNote.objects.bulk_create(GuestNote(link=link, text="x") for _ in range(MOST_NOTES))
    time_machine.shift(61)
    assert send_note(guest, token).status_code == 429


def test_openings_are_counted(guest, story):
    link, token = make_link(story)
    page(guest, token)
    page(guest, token, path="")
    guest.head(f"/share/{token}/")

    link.refresh_from_db()
    assert link.openings == 1 and link.last_opened_at


def test_queries_do_not_grow_with_the_shots(guest):
    counts = []
    for story in (make_story("few", shots=2), make_story("many", shots=30)):
        for shot in shots_of(story):
            make_stored_take(shot)
        _, token = make_link(story)
        with CaptureQueriesContext(connection) as queries:
            page(guest, token)
        counts.append(len(queries))

    assert counts[0] == counts[1]
