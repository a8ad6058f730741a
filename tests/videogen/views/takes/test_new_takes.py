"""New takes without a plan: "Generate exactly this", and an uploaded video."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests.support.admin_clients import VIEWS, browser_of
from tests.support.factories import State, force, make_picture, make_price, make_render, make_shot
from tests.support.pages import levels, page_of
from videogen.models import RenderBatch, VideoRender
from videogen.simulator.footage.clips import write_quick_clip

pytestmark = pytest.mark.django_db


@pytest.fixture
def shot():
    return make_shot()


@pytest.fixture
def browser():
    permissions = ("videogen.review_video", "videogen.generate_video")
    return browser_of(*VIEWS, *permissions, username="ida")


def takes_url(shot):
    return reverse("admin:storybook_shot_takes", args=[shot.pk])


def generate_url(render):
    return reverse("admin:videogen_takes_generate", args=[render.shot_id, render.pk])


def told(response):
    *_, last = get_messages(response.wsgi_request)
    return str(last)


def logged():
    return list(LogEntry.objects.order_by("pk").values_list("action_flag", "change_message"))


# -- generate exactly this -----------------------------------------------------------------------


@pytest.fixture
def real(settings):
    """Use a backend that has real prices. These tests send nothing."""
    settings.VIDEO_BACKEND = "gemini"


def form_of(response):
    return {key: response.context[key] for key in ("newest", "price")}


@pytest.mark.parametrize("state", [State.DONE, State.REHEARSED, State.FAILED])
def test_exact_request_is_priced_confirmed_and_queued(real, browser, shot, state):
    render = make_render(shot, state, backend="gemini", prompt_text='{"as": "it was"}')
    page = page_of(browser.get(takes_url(shot)))
    confirmation = browser.get(generate_url(render))

    response = browser.post(generate_url(render), form_of(confirmation))

    # The one test of these words.
    assert page.hook("price").text == "Generate exactly this · $3.20"
    assert page_of(confirmation).hook("price").text == "Generate exactly this · $3.20"
    copy = VideoRender.objects.get(copy_of=render)
    assert (copy.state, copy.prompt_text) == (State.QUEUED, '{"as": "it was"}')
    assert copy.batch.requested_by_name == "ida"
    assert copy.price_estimate_usd == Decimal("3.20")
    assert response.url == f"{takes_url(shot)}#render-{copy.pk}"
    assert levels(response)[-1] == "success" and "$3.20" in told(response)
    assert [flag for flag, _ in logged()] == [ADDITION]


def test_looking_at_the_price_queues_nothing(real, browser, shot):
    render = make_render(shot, State.DONE, backend="gemini")

    browser.get(generate_url(render))

    assert VideoRender.objects.count() == 1
    assert RenderBatch.objects.count() == 1


def test_second_click_pays_nothing(real, browser, shot):
    render = make_render(shot, State.DONE, backend="gemini")
    form = form_of(browser.get(generate_url(render)))
    browser.post(generate_url(render), form)
    force(VideoRender.objects.filter(copy_of=render), state=State.FAILED)

    response = browser.post(generate_url(render), form)

    assert levels(response)[-1] == "warning"
    assert VideoRender.objects.filter(copy_of=render).count() == 1


def test_another_price_is_asked_for_again(real, browser, shot):
    render = make_render(shot, State.DONE, backend="gemini")
    form = form_of(browser.get(generate_url(render)))
    make_price("9")

    response = browser.post(generate_url(render), form)

    assert levels(response)[-1] == "warning"
    assert VideoRender.objects.count() == 1


def test_unconfirmed_post_pays_nothing(real, browser, shot):
    render = make_render(shot, State.DONE, backend="gemini")

    browser.post(generate_url(render))

    assert VideoRender.objects.count() == 1


def test_locked_shot_is_not_generated(real, browser, shot):
    render = make_render(shot, State.DONE, backend="gemini", review="approved")

    response = browser.post(generate_url(render), form_of(browser.get(generate_url(render))))

    assert levels(response)[-1] == "warning"
    assert VideoRender.objects.count() == 1
    assert logged() == []


def test_lost_reference_stops_it(real, browser, shot):
    picture = make_picture(shot.scenelet.story, "lamp/other.png")
    pick = {
        "kind": "character",
        "id": "ada",
        "path": picture.file,
        "mime_type": "image/png",
        "bytes": picture.byte_size,
        "sha256": "0" * 64,
    }
    render = make_render(shot, State.DONE, backend="gemini", references=[pick])

    browser.post(generate_url(render), form_of(browser.get(generate_url(render))))

    assert VideoRender.objects.count() == 1


# -- a take of one's own -------------------------------------------------------------------------


def test_own_video_becomes_a_take(browser, shot, tmp_path):
    make_render(shot, State.DONE)
    write_quick_clip(seed="mine", path=tmp_path / "mine.mp4")
    video = SimpleUploadedFile("mine.mp4", (tmp_path / "mine.mp4").read_bytes(), "video/mp4")

    response = browser.post(
        reverse("admin:videogen_takes_upload", args=[shot.pk]), {"video": video}
    )

    render = VideoRender.objects.get(kind="upload")
    assert (render.state, render.take, render.requested_by_name) == (State.DONE, 2, "ida")
    assert response.url == f"{takes_url(shot)}#render-{render.pk}"
    assert levels(response)[-1] == "success"
    assert logged() == [(ADDITION, "Uploaded.")]
    page = browser.get(takes_url(shot))
    assert render.pk in [each.render.pk for each in page.context["attempts"]]
    assert generate_url(render) not in page_of(page).links


@pytest.mark.parametrize(
    "files", [{}, {"video": SimpleUploadedFile("a.mp4", b"not a video", "video/mp4")}]
)
def test_what_is_no_video_is_refused(browser, shot, files):
    response = browser.post(reverse("admin:videogen_takes_upload", args=[shot.pk]), files)

    assert levels(response)[-1] == "warning"
    assert response.url == takes_url(shot)
    assert not VideoRender.objects.exists()
    assert logged() == []
