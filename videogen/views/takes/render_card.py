"""The card of one render, as the pages of takes show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.urls import reverse

from storybook.models import Story
from videogen.catalog.capabilities import ModelTable
from videogen.catalog.options import asked_of, defaults_of, extras_in_words
from videogen.catalog.prices import PriceList
from videogen.common.formats import indented_text, media_url, usd
from videogen.models import Submission, TakeCheck, VideoRender
from videogen.models.states import OPEN, RESUMABLE, WITHOUT_VIDEO
from videogen.planning.promotions import is_draft
from videogen.planning.request_diff import Differences, differences
from videogen.planning.shot_status import told_of_rejection
from videogen.prompts.references import KIND_WORDS
from videogen.prompts.room import PromptRoom, room_of_render
from videogen.recovery.decisions import can_be_taken_back
from videogen.views.components.badges import REVIEW_BADGES, Badge, badge_of_state
from videogen.views.components.kept import KeptFile, kept_of
from videogen.views.components.notes import ShownNote, shown_notes
from videogen.views.components.pictures import ShownPicture, shown_pictures

from .block_card import BlockCard

State = VideoRender.State
Review = VideoRender.Review
Kind = VideoRender.Kind


def exact_price(
    render: VideoRender, prices: PriceList, model: str = "", resolution: str = ""
) -> Decimal | None:
    """Return what it costs now to send the render's request again, or None if that is not known.

    `model` and `resolution` name others, if the request is to be sent with them.
    """
    asked = (model or render.model, resolution or render.resolution, render.duration_seconds)
    price = prices.find(settings.VIDEO_BACKEND, *asked)
    return price.usd if price else None


@dataclass(frozen=True)
class Catalog:
    """The prices and models that a page needs. They are looked up once for all of its cards."""

    # The model and the resolution of the story's final takes.
    default_model: str
    default_resolution: str
    prices: PriceList = field(default_factory=PriceList)
    table: ModelTable = field(default_factory=ModelTable)

    @classmethod
    def of(cls, story: Story) -> Catalog:
        return cls(*defaults_of(story))

    @classmethod
    def of_settings(cls) -> Catalog:
        return cls(settings.VIDEO_MODEL, settings.VIDEO_RESOLUTION)


@dataclass(frozen=True)
class Promotion:
    """A draft take's request, sent again on the model of its story."""

    model: str
    price_usd: Decimal
    # Empty if it is that of the draft.
    resolution: str = ""

    @property
    def target(self) -> str:
        return f"{self.model} at {self.resolution}" if self.resolution else self.model

    @property
    def words(self) -> str:
        """The words of the button: what the click costs."""
        return f"Promote to {self.target} · {price_in_words(self.price_usd)}"


def promotion_of(render: VideoRender, catalog: Catalog) -> Promotion | None:
    """Return how a draft take can be promoted, or None.

    None if the render is not a take of a model cheaper than the story's, or if the story's model
    does not take what the draft sent.
    """
    model, resolution = catalog.default_model, catalog.default_resolution
    price = exact_price(render, catalog.prices, model, resolution)
    if price is None or not is_draft(render, catalog.prices, model, resolution):
        return None
    if catalog.table.find(model).problems(replace(asked_of(render), resolution=resolution)):
        return None
    return Promotion(model, price, "" if resolution == render.resolution else resolution)


def price_in_words(price: Decimal | None) -> str:
    return "free" if price == 0 else usd(price)


def card_of(
    render: VideoRender, before: VideoRender | None, catalog: Catalog | None = None
) -> RenderCard:
    """Return the card of a render, compared with the take `before` if there is one.

    A page of several cards hands its catalog to all of them.
    """
    changes = None
    if before and before.prompt_text and render.prompt_text:
        changes = differences(render, before)
    return RenderCard(render, before, changes, catalog or Catalog.of_settings())


@dataclass(frozen=True)
class ChangedPicture:
    """A reference that differs between two renders. A URL is empty if there is no picture."""

    change: str
    kind: str
    id: str
    url: str
    old_url: str


@dataclass(frozen=True)
class RenderCard:
    render: VideoRender
    # The take before this render.
    before: VideoRender | None = None
    # How the request differs from that of `before`; None if that is not known.
    changes: Differences | None = None
    catalog: Catalog = field(default_factory=lambda: Catalog.of_settings())
    # Why the safety filter refused the render, if it did.
    block: BlockCard | None = None

    @property
    def title(self) -> str:
        if self.is_take:
            return f"Take {self.render.take}"
        if self.is_open:
            return "In progress"
        return "Rehearsal" if self.render.kind == Kind.REHEARSAL else "No video"

    @cached_property
    def notes(self) -> list[ShownNote]:
        return shown_notes(self.render)

    @property
    def open_notes(self) -> int:
        return sum(each.note.is_open for each in self.notes)

    @property
    def here(self) -> str:
        """Its place on the page of the shot's takes."""
        page = reverse("admin:storybook_shot_takes", args=[self.render.shot_id])
        return f"{page}#render-{self.render.pk}"

    @property
    def told_of_rejection(self) -> str:
        return told_of_rejection(self.render)

    @property
    def is_take(self) -> bool:
        return self.render.state == State.DONE and bool(self.render.take)

    @property
    def badge(self) -> Badge:
        """The review of a take. Of every other render, its state."""
        if self.is_take:
            return REVIEW_BADGES[Review(self.render.review)]
        return badge_of_state(self.render.status)

    @property
    def changed_pictures(self) -> list[ChangedPicture]:
        return [
            ChangedPicture(
                each.change,
                KIND_WORDS.get(each.kind, each.kind),
                each.id,
                media_url(each.path),
                media_url(each.old_path),
            )
            for each in (self.changes.references if self.changes else ())
        ]

    @property
    def check(self) -> TakeCheck | None:
        """The technical check of the take, if it is over. The caller has loaded it."""
        check = getattr(self.render, "technical_check", None)
        return check if check and check.result else None

    # -- what can be done with it

    @property
    def is_open(self) -> bool:
        return self.render.status in OPEN

    @property
    def is_selected(self) -> bool:
        return self.render.review == Review.SELECTED

    @property
    def is_approved(self) -> bool:
        return self.render.review == Review.APPROVED

    @property
    def is_rejected(self) -> bool:
        return self.render.review == Review.REJECTED

    @property
    def is_unknown(self) -> bool:
        return self.render.status == State.UNKNOWN

    @property
    def is_resumable(self) -> bool:
        return self.render.status in RESUMABLE

    @property
    def can_be_given_up(self) -> bool:
        """False for an open render without a worker: it only looks interrupted, so resume it."""
        return self.render.state in RESUMABLE

    @property
    def can_be_cancelled(self) -> bool:
        return self.render.state == State.QUEUED

    @property
    def can_be_taken_back(self) -> bool:
        return can_be_taken_back(self.render)

    @property
    def can_be_sent_again(self) -> bool:
        return bool(self.render.prompt_text) and (
            self.is_take
            or self.render.state == State.REHEARSED
            or self.render.state in WITHOUT_VIDEO
        )

    @property
    def price_again(self) -> str:
        return price_in_words(exact_price(self.render, self.catalog.prices))

    @cached_property
    def promotion(self) -> Promotion | None:
        return promotion_of(self.render, self.catalog)

    # -- what it is

    @property
    def video_url(self) -> str:
        return media_url(self.render.video_file)

    @property
    def poster_url(self) -> str:
        return media_url(self.render.poster_file)

    @cached_property
    def kept(self) -> KeptFile | None:
        """What was downloaded for it and could not become its take."""
        return kept_of(f"render-{self.render.pk}")

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
    def room(self) -> PromptRoom:
        return room_of_render(self.render)

    @property
    def cost(self) -> str:
        price = usd(self.render.price_estimate_usd)
        if self.render.kind != Kind.GENERATION or not self.render.price_estimate_usd:
            return "free"
        if not self._may_cost() and not self.is_open:
            return f"{price}, not charged"
        is_settled = self.is_open or self.render.actual_cost_usd is not None
        return price if is_settled else f"{price}, if it was charged"

    @property
    def facts(self) -> str:
        """One line of facts that differ between takes."""
        render = self.render
        if render.kind == Kind.UPLOAD:
            made = [render.get_kind_display()]
        else:
            made = [render.model, render.resolution]
        seconds = render.video_seconds or render.duration_seconds
        took = [f"took {self.took}"] if self.took and render.kind == Kind.GENERATION else []
        return " · ".join([*made, f"{round(seconds, 1):g} s", self.cost, *took])

    @property
    def maker(self) -> str:
        """The account, the route and the version of the SDK that the render was sent with."""
        render = self.render
        if render.kind == Kind.UPLOAD:
            return ""
        made_by = [render.backend, render.get_route_display(), render.sdk_version]
        return ", ".join(filter(None, made_by))

    @property
    def extras(self) -> list[tuple[str, str]]:
        """The options that were sent and that few renders have: name and value."""
        return extras_in_words(self.render)

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
    def took(self) -> str:
        """The time from the queue to the end, such as "2 min 5 s"; empty while it runs."""
        if not self.render.ended_at:
            return ""
        took = self.render.ended_at - self.render.queued_at
        minutes, seconds = divmod(round(took.total_seconds()), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

    def _may_cost(self) -> bool:
        return any(each.outcome in Submission.MAY_COST for each in self.render.submissions.all())
