"""A render as the pages of takes tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from django.conf import settings

from storybook.models import Story
from videogen.catalog.capabilities import ModelTable
from videogen.catalog.options import asked_of, default_model_of, extras_in_words
from videogen.catalog.prices import PriceList
from videogen.common.formats import indented_text, media_url, usd
from videogen.models import Submission, VideoRender
from videogen.models.states import OPEN, RESUMABLE, WITHOUT_VIDEO
from videogen.planning.request_diff import Differences, differences
from videogen.prompts.references import KIND_WORDS
from videogen.views.components.badges import REVIEW_BADGES, Badge, badge_of_state
from videogen.views.components.pictures import ShownPicture, shown_pictures

from .block_card import ShownBlock

State = VideoRender.State
Review = VideoRender.Review
Kind = VideoRender.Kind


def exact_price(render: VideoRender, prices: PriceList, model: str = "") -> Decimal | None:
    """What it costs to send the render's request once more, now, on another `model` where one is
    named; None where no price is known."""
    asked = (model or render.model, render.resolution, render.duration_seconds)
    price = prices.find(settings.VIDEO_BACKEND, *asked)
    return price and price.usd


@dataclass(frozen=True)
class Offers:
    """What a page knows of prices and models: asked once, whatever it shows. `default_model`: the
    story's."""

    default_model: str
    prices: PriceList = field(default_factory=PriceList)
    table: ModelTable = field(default_factory=ModelTable)

    @classmethod
    def of(cls, story: Story) -> Offers:
        return cls(default_model_of(story))


@dataclass(frozen=True)
class Promotion:
    """A draft once more on the model of its story. `more` is beside what the draft cost."""

    model: str
    price_usd: Decimal
    more_usd: Decimal

    @property
    def words(self) -> str:
        more = f"{usd(self.more_usd)} more" if self.price_usd else "free"
        return f"Promote to {self.model} · {more}"


def promotion_of(render: VideoRender, offers: Offers) -> Promotion | None:
    """None where it is no take that was made on a model cheaper than that of the story, or where
    that model does not take what the draft sent."""
    model, prices = offers.default_model, offers.prices
    draft = prices.per_second(render.model, render.resolution)
    final = prices.per_second(model, render.resolution)
    is_draft = draft is not None and final is not None and draft < final
    price = exact_price(render, prices, model)
    if render.state != State.DONE or not render.prompt_text or not is_draft or price is None:
        return None
    if offers.table.find(model).problems(asked_of(render)):
        return None
    return Promotion(model, price, max(Decimal(0), price - render.price_estimate_usd))


def price_in_words(price: Decimal | None) -> str:
    return "free" if price == 0 else usd(price)


def show_render(
    render: VideoRender, before: VideoRender | None, offers: Offers | None = None
) -> ShownRender:
    """`before` is the take that it is compared with, where there is one; `offers` are those of the
    page, where it shows several."""
    is_comparable = bool(before and before.prompt_text and render.prompt_text)
    changes = differences(render, before) if is_comparable else None
    return ShownRender(render, before, changes, offers or Offers(settings.VIDEO_MODEL))


@dataclass(frozen=True)
class ChangedPicture:
    """A reference that two renders do not share; a url is empty where there is no picture."""

    change: str
    kind: str
    id: str
    url: str
    old_url: str


@dataclass(frozen=True)
class ShownRender:
    """`before`: the take before it; `changes`: what differs from that one, None where unknown;
    `block`: why the filter refused it."""

    render: VideoRender
    before: VideoRender | None = None
    changes: Differences | None = None
    offers: Offers = field(default_factory=lambda: Offers(settings.VIDEO_MODEL))
    block: ShownBlock | None = None

    @property
    def title(self) -> str:
        if self.is_take:
            return f"Take {self.render.take}"
        if self.is_open:
            return "Under way"
        return "Rehearsal" if self.render.kind == Kind.REHEARSAL else "No video"

    @property
    def is_take(self) -> bool:
        return self.render.state == State.DONE and bool(self.render.take)

    @property
    def badge(self) -> Badge:
        """Of a take, what a person made of it; of everything else, how far the machine got."""
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
        """One that only looks interrupted (nobody works on it) is still live: resume it."""
        return self.render.state in RESUMABLE

    @property
    def can_be_sent_again(self) -> bool:
        return bool(self.render.prompt_text) and (
            self.is_take
            or self.render.state == State.REHEARSED
            or self.render.state in WITHOUT_VIDEO
        )

    @property
    def price_again(self) -> str:
        return price_in_words(exact_price(self.render, self.offers.prices))

    @cached_property
    def promotion(self) -> Promotion | None:
        return promotion_of(self.render, self.offers)

    # -- what it is

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
        if self.render.kind != Kind.GENERATION or not self.render.price_estimate_usd:
            return "free"
        if not self._may_cost() and not self.is_open:
            return f"{price}, not charged"
        is_settled = self.is_open or self.render.actual_cost_usd is not None
        return price if is_settled else f"{price}, if it was charged"

    @property
    def facts(self) -> str:
        """One line that tells takes apart."""
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
        """The account, the route and the SDK that it was asked for with."""
        render = self.render
        if render.kind == Kind.UPLOAD:
            return ""
        made_by = [render.backend, render.get_route_display(), render.sdk_version]
        return ", ".join(filter(None, made_by))

    @property
    def extras(self) -> list[tuple[str, str]]:
        """The settings that were sent beside the usual ones: (name, value)."""
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
        """From queue to end."""
        if not self.render.ended_at:
            return ""
        took = self.render.ended_at - self.render.queued_at
        minutes, seconds = divmod(round(took.total_seconds()), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

    def _may_cost(self) -> bool:
        return any(each.outcome in Submission.MAY_COST for each in self.render.submissions.all())
