"""One of several processes that race for the same money and the same locks. It takes commands as
lines of JSON, so that a test can bring all of them to the start before it lets them go."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storybook.settings")
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from storybook.models import Story  # noqa: E402
from videogen.billing.budgets import usage  # noqa: E402
from videogen.common.errors import RequestError  # noqa: E402
from videogen.models import Budget, RenderBatch, VideoRender  # noqa: E402
from videogen.models.people import Requester  # noqa: E402
from videogen.pipeline.claims import claim_renders  # noqa: E402
from videogen.planning.drafts import (  # noqa: E402
    confirm_batch,
    draft_batches,
    plan_draft,
    set_options,
)
from videogen.planning.enqueue import queue_renders  # noqa: E402
from videogen.planning.model_switch import move_queued, plan_move, renders_to_move  # noqa: E402
from videogen.planning.plan import plan_shots  # noqa: E402
from videogen.planning.rerun import generate_exactly  # noqa: E402

from .factories import make_lane, make_render, make_story, shots_of  # noqa: E402

OLD = "veo-3.1-generate-preview"
REQUESTER = Requester("command", name="mira")


class Racer:
    browser = None

    def make(self, story, shots):
        """A story with a render of its first shot that came to nothing."""
        shot = shots_of(make_story(story, shots=shots)).select_related("scenelet__story").first()
        make_render(shot, "failed", backend="gemini")

    def allow(self, usd, with_queued=True):
        """Leave just so much in the budget for everything."""
        used = usage()
        limit = (used.total_usd if with_queued else used.spent_usd) + Decimal(usd)
        Budget.objects.update_or_create(scope="overall", defaults={"limit_usd": limit})

    def wait(self, story, lane):
        """A queued render in a lane."""
        shot = shots_of(make_story(story)).select_related("scenelet__story").get()
        values = {"price_estimate_usd": "3.20", "lane": make_lane(lane)}
        make_render(shot, "queued", backend="gemini", **values)

    def plan(self, story, over_budget):
        story = Story.objects.get(story_id=story)
        self.planned = plan_shots(story, shots_of(story), "default", over_budget=over_budget)
        return self.planned.counts

    def queue(self):
        queued = queue_renders(
            self.planned, REQUESTER, task="CREATE_SHOT_VIDEO", worked_by="nobody", wake=False
        )
        return len(queued.render_ids)

    def wait_beside(self, story, lane):
        """A queued render in a lane, beside a shot without one."""
        shots = shots_of(make_story(story, shots=2)).select_related("scenelet__story")
        values = {"price_estimate_usd": "3.20", "lane": make_lane(lane)}
        make_render(shots.first(), "queued", backend="gemini", **values)

    def hold(self, story):
        """The lock that queueing takes first, and for long."""
        self.held = transaction.atomic()
        self.held.__enter__()
        Story.objects.select_for_update().get(story_id=story)

    def queue_held(self):
        try:
            return self.queue()
        finally:
            self.held.__exit__(*sys.exc_info())

    def exactly(self, story):
        render = VideoRender.objects.get(batch__story__story_id=story, state="failed")
        try:
            return len(generate_exactly(render, REQUESTER).render_ids)
        except RequestError:
            return 0

    def look(self, story, model):
        """Several renders of $3.20 wait; what moving them would do."""
        self.lane, self.model = make_lane(story), model
        self.seen = plan_move(renders_to_move(self.lane, OLD), model).fingerprint

    def move(self):
        try:
            moved = move_queued(self.lane, OLD, self.model, REQUESTER, seen=self.seen)
        except RequestError:
            return 0
        return len(moved.going)

    def wait_all(self, story, shots):
        """So many queued renders in a lane of the story's name."""
        lane = make_lane(story)
        for shot in shots_of(make_story(story, shots=shots)).select_related("scenelet__story"):
            make_render(shot, "queued", backend="gemini", lane=lane, price_estimate_usd="3.20")

    def wait_in_batch(self, story, shots):
        """So many queued renders of one batch, claimed in another order than that of their keys."""
        lane = make_lane(story)
        batch = None
        now = timezone.now()
        for number, shot in enumerate(shots_of(make_story(story, shots=shots))):
            values = {"lane": lane, "queued_at": now - timedelta(seconds=number)}
            values |= {"batch": batch} if batch else {}
            values |= {"price_estimate_usd": "3.20"}
            batch = make_render(shot, "queued", backend="gemini", **values).batch
        if self.browser is None:
            user, _ = get_user_model().objects.get_or_create(
                username="mira", defaults={"is_staff": True, "is_superuser": True}
            )
            self.browser = Client(raise_request_exception=False)
            self.browser.force_login(user)
        return batch.pk

    def cancel_rest(self, batch):
        """One click on "Cancel the rest": the answer's status, and how many are cancelled."""
        answer = self.browser.post(
            f"/admin/videogen/renderbatch/{batch}/cancel/", HTTP_HOST="localhost"
        )
        cancelled = VideoRender.objects.filter(batch=batch, state="cancelled").count()
        return answer.status_code, cancelled

    def cancel_each(self, batch):
        """A click on "Cancel" of each render of the batch; how many are cancelled."""
        for render in VideoRender.objects.filter(batch=batch):
            self.browser.post(
                f"/admin/videogen/videorender/shots/{render.shot_id}/{render.pk}/cancel/",
                HTTP_HOST="localhost",
            )
        return VideoRender.objects.filter(batch=batch, state="cancelled").count()

    def draft(self, story, shots, takes):
        """A draft of a new story, with so many takes of each shot; its key."""
        made = make_story(story, shots=shots)
        (draft,) = draft_batches(shots_of(made), "default", REQUESTER)
        set_options(draft, model="", over_budget="fit", takes_per_shot=takes)
        return draft.pk

    def confirm(self, batch, clicks):
        """So many clicks at once on the button of the plan; how many of them queued something."""
        seen = plan_draft(RenderBatch.objects.get(pk=batch)).fingerprint

        def click(_):
            try:
                confirm_batch(RenderBatch.objects.get(pk=batch), REQUESTER, seen=seen)
            except RequestError:
                return 0
            finally:
                connection.close()
            return 1

        with ThreadPoolExecutor(clicks) as people:
            return sum(people.map(click, range(clicks)))

    def numbers(self):
        """Of all batches that were confirmed."""
        return list(
            RenderBatch.objects.exclude(status="draft")
            .order_by("number")
            .values_list("number", flat=True)
        )

    def made(self, batch):
        """By slot: how many renders the batch has."""
        renders = VideoRender.objects.filter(batch=batch).order_by("slot")
        return list(Counter(renders.values_list("slot", flat=True)).items())

    def claim(self, lane):
        return len(claim_renders(make_lane(lane), owner=f"{lane}|boot|1|1.0", limit=9))


if __name__ == "__main__":
    racer = Racer()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(getattr(racer, name)(*arguments)) + "\n")
        sys.stdout.flush()
