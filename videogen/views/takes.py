"""The render history of one shot: what was sent each time, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from storybook.models import Shot
from videogen.models import Submission, VideoRender
from videogen.showing import (
    Badge,
    ShownPicture,
    badge_of_shot,
    badge_of_state,
    indented,
    indented_text,
    media_url,
    shown_pictures,
    storyboard_lines,
    usd,
)


def show_takes(
    request: HttpRequest, admin_site: AdminSite, shot: Shot, *, can_generate: bool
) -> HttpResponse:
    """`shot` comes with its scenelet and story."""
    renders = list(
        shot.renders.select_related("batch").prefetch_related("submissions").order_by("-pk")
    )
    attempts = [render for render in renders if render.kind != VideoRender.Kind.REHEARSAL]
    rehearsals = [render for render in renders if render.kind == VideoRender.Kind.REHEARSAL]
    before, after = _neighbours(shot)
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/takes.html",
        {
            **admin_site.each_context(request),
            "title": f"Takes of {shot}",
            "subtitle": None,
            "opts": Shot._meta,
            "shot": shot,
            "scenelet": shot.scenelet,
            "story": shot.scenelet.story,
            "badge": badge_of_shot(renders),
            "storyboard": storyboard_lines(shot.storyboard_payload),
            "payload": indented(shot.storyboard_payload) if shot.storyboard_payload else "",
            "attempts": [ShownRender(render) for render in attempts],
            "rehearsals": [ShownRender(render) for render in rehearsals],
            "before": before,
            "after": after,
            "can_generate": can_generate,
        },
    )


def _neighbours(shot: Shot) -> tuple[int | None, int | None]:
    """The shots before and after this one in the story."""
    ids = list(
        Shot.objects.filter(scenelet__story=shot.scenelet.story_id).values_list("pk", flat=True)
    )
    place = ids.index(shot.pk)
    return (
        ids[place - 1] if place else None,
        ids[place + 1] if place + 1 < len(ids) else None,
    )


@dataclass(frozen=True)
class ShownRender:
    """A render as the page tells of it."""

    render: VideoRender

    @property
    def title(self) -> str:
        if self.render.take and self.render.state == VideoRender.State.DONE:
            return f"Take {self.render.take}"
        is_rehearsal = self.render.kind == VideoRender.Kind.REHEARSAL
        return "Rehearsal" if is_rehearsal else "No video"

    @property
    def badge(self) -> Badge:
        return badge_of_state(self.render.status)

    @property
    def is_open(self) -> bool:
        return self.render.status in VideoRender.OPEN

    @property
    def video_url(self) -> str:
        return media_url(self.render.video_file)

    @property
    def poster_url(self) -> str:
        return media_url(self.render.poster_file)

    @property
    def references(self) -> list[ShownPicture]:
        return shown_pictures(self.render.references)

    @property
    def dropped(self) -> list[ShownPicture]:
        return shown_pictures(self.render.dropped_references)

    @property
    def prompt(self) -> str:
        return indented_text(self.render.prompt_text)

    @property
    def cost(self) -> str:
        price = usd(self.render.price_estimate_usd)
        if self.render.kind != VideoRender.Kind.GENERATION:
            return "free"
        return price if self._may_cost() or self.is_open else f"{price}, not charged"

    @property
    def times(self) -> Sequence[tuple[str, object]]:
        render = self.render
        return [
            (words, at)
            for words, at in (
                ("queued", render.queued_at),
                ("sent", render.submitted_at),
                ("rendered", render.rendered_at),
                ("downloaded", render.downloaded_at),
                ("ended", render.ended_at),
            )
            if at
        ]

    @property
    def took(self) -> timedelta | None:
        """From queue to end, in whole seconds."""
        if not self.render.ended_at:
            return None
        took = self.render.ended_at - self.render.queued_at
        return timedelta(seconds=round(took.total_seconds()))

    def _may_cost(self) -> bool:
        return any(each.outcome in Submission.MAY_COST for each in self.render.submissions.all())
