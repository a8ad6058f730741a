from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from storybook.models import Shot
from tests.support.admin_urls import person
from tests.support.all_states import State, make_everything
from tests.support.chromium import running_chromium
from tests.support.factories import make_notice, make_render, make_story, shots_of
from videogen.providers.errors import submit_error

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.mark.django_db(transaction=True)
def test_shots(live_server):
    story = make_story("the-tide", shots=17)
    world = make_everything(
        "The server gave up after four tries.",
        story,
        name="ada",
        errors={
            State.UNKNOWN: submit_error(
                httpx.RemoteProtocolError("Server disconnected without sending a response.")
            ).sentence
        },
    )
    shots = list(shots_of(story))
    make_render(
        shots[10],
        State.DONE,
        take=1,
        review="rejected",
        review_reason="The hat is gone, and the lantern is on the wrong side of the boat.",
    )
    make_render(
        shots[11],
        State.CANCELLED,
        error_code="cancelled",
        error_message="ines cancelled it before it was sent. It costs nothing.",
    )
    make_render(
        shots[12],
        State.CANCELLED,
        error_code="given_up",
        error_message="Nobody knows. A person allowed a new render.",
    )
    Shot.objects.filter(pk__in=[shots[13].pk, shots[14].pk]).update(storyboard_payload=None)
    make_notice(
        kind="batch_finished",
        batch=world.batch,
        path=f"/admin/videogen/renderbatch/{world.batch.pk}/progress/",
    )
    producer = person("producer")
    boss = person("superuser")
    out = Path("/tmp/words_shots")
    out.mkdir(exist_ok=True)
    pages = {
        "board": f"/admin/storybook/story/{story.pk}/board/",
        "dashboard": "/admin/",
        "list": "/admin/storybook/shot/",
        "takes": f"/admin/storybook/shot/{shots[1].pk}/takes/",
        "notices": "/admin/videogen/notice/",
        "story": f"/admin/storybook/story/{story.pk}/change/",
        "plan": f"/admin/videogen/renderbatch/{world.draft.pk}/plan/",
        "batches": "/admin/videogen/renderbatch/",
    }
    with running_chromium() as browser:
        for who, client in (("producer", producer), ("boss", boss)):
            for scheme, width in (("light", 1440), ("dark", 390)):
                context = browser.new_context(
                    base_url=live_server.url,
                    viewport={"width": width, "height": 900},
                    color_scheme=scheme,
                )
                context.add_cookies(
                    [
                        {"name": k, "value": v.value, "url": live_server.url}
                        for k, v in client.cookies.items()
                    ]
                )
                page = context.new_page()
                for name, url in pages.items():
                    if who == "boss" and name not in ("notices",):
                        continue
                    page.goto(url)
                    page.screenshot(path=out / f"{who}-{name}-{scheme}-{width}.png", full_page=True)
                    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if over > 0:
                        print(who, name, scheme, width, "overflows by", over)
                context.close()
