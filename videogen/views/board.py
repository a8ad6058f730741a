"""The board: all shots of a story, scenelet by scenelet, in the order of the story's tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import get_template, render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from storybook.models import Scenelet, Shot, Story
from videogen.catalog.options import RequestSettings
from videogen.common.formats import clock
from videogen.models import RenderBatch
from videogen.models.shot_status import REVIEWS_IN_ROOM
from videogen.models.states import BadgeWord
from videogen.planning.drafts import draft_batches
from videogen.planning.outdated import outdated_shots
from videogen.planning.promotions import approved_drafts
from videogen.prompts.prompt import referenced_ids

from .components.access import GENERATE, REVIEW, requester_of, signed_in
from .components.badges import OUTDATED, SHOT_BADGES, Badge, badge_of_word, counted_in_words
from .components.branch_map import ROW, BranchNode, branch_nodes
from .components.ignored_options import tell_of_ignored
from .components.live import TROUBLE, news_since, version_of
from .components.queue_notice import QueueNotice, notice_of_backend
from .components.selection import tell_of_left_out
from .components.shot_cards import (
    MOST_KEPT,
    CardLook,
    Progress,
    ShotCard,
    live_html,
    load_for_cards,
)
from .components.shot_filters import ShotFilters
from .components.story_designs import StoryDesigns
from .components.story_money import StoryMoney, money_of
from .components.urls import plan_url
from .review.bulk import APPROVE, REJECT, as_one_field, ask_why, is_answered, judge_shots
from .review.queue import Filters

# What the buttons of the selection ask for, beside new videos.
PROMOTE, PROMOTE_APPROVED = "promote", "promote_approved"

# The keys of live parts; beside them are those of cards and of the groups' heads.
SUMMARY = "summary"
CHIPS = "chips"
MAP = "map"
QUEUE = "queue"
MONEY = "money"
_TEMPLATES = {
    each: f"admin/videogen/board/{each}.html" for each in (SUMMARY, CHIPS, MAP, QUEUE, MONEY)
}

SCENELET = "scenelet"
GROUPINGS = {
    SCENELET: "scenelet",
    "status": "status",
    "character": "character",
    "environment": "environment",
    "person": "person",
}
SIZES = range(1, 6)
USUAL_SIZE = 3


def show_board(
    request: HttpRequest,
    admin_site: AdminSite,
    story: Story,
    shots: QuerySet[Shot],
    *,
    can_generate: bool,
) -> HttpResponse:
    """Show the page. `shots` are those of the story that the person may see."""
    board = _board_of(request, story, shots, can_generate=can_generate)
    board.view.tell_of_ignored(request)
    request.current_app = admin_site.name
    may_review = request.user.has_perm(REVIEW)
    return TemplateResponse(
        request,
        "admin/videogen/board/page.html",
        {
            **admin_site.each_context(request),
            # The pictures need the width, and the breadcrumbs lead back.
            "is_nav_sidebar_enabled": False,
            "title": str(story),
            "subtitle": None,
            "opts": Story._meta,
            "story": story,
            "board": board,
            "can_generate": can_generate,
            "approved_drafts": _approved_drafts(story, shots) if can_generate else 0,
            "price_usd": _price_of_a_video(story) if can_generate else None,
            "may_review": may_review,
            "has_story_permission": admin_site.get_model_admin(Story).has_view_permission(request),
        },
    )


def board_state(request: HttpRequest, story: Story, shots: QuerySet[Shot]) -> JsonResponse:
    """Send the parts of the page that changed since the version that it has."""
    board = _board_of(request, story, shots)
    head_part = get_template("admin/videogen/board/head_live.html")
    parts: dict[str, str] = {}
    changed, version = news_since(board.contents, request.GET.get("since", ""))
    for key in changed:
        if card := board.all_cards.get(key):
            parts[key] = live_html(card.look)
        elif group := board.groups_by_head.get(key):
            parts[key] = head_part.render({"group": group})
        else:
            parts[key] = render_to_string(_TEMPLATES[key], {"board": board})
    return JsonResponse(
        {
            "active": BadgeWord.GENERATING in board.progress.counts,
            "parts": parts,
            "since": version,
        }
    )


def draft_selection(
    request: HttpRequest, story: Story, shots: QuerySet[Shot]
) -> HttpResponseRedirect:
    """Store the selection as a draft of new videos or, by its button, of promotions. The next page
    shows its plan and its cost."""
    verb = request.POST.get("verb")
    if verb == PROMOTE_APPROVED:
        return _draft_approved(request, story, shots.filter(scenelet__story=story))
    chosen = selected_shots(request, story, shots)
    mode = RenderBatch.Mode.OVERRIDE if verb == PROMOTE else RenderBatch.Mode.DEFAULT
    batches = draft_batches(chosen, mode, requester_of(request), promotes=verb == PROMOTE)
    drafted = {pk for batch in batches for pk in batch.filters["shots"]}
    tell_of_left_out(request, asked_shots(request), drafted)
    if not batches:
        messages.warning(request, "Nothing was selected. Select the shots first.")
        return HttpResponseRedirect(BoardView.of(request).url(story))
    return HttpResponseRedirect(plan_url(batches[0]))


def _draft_approved(
    request: HttpRequest, story: Story, shots: QuerySet[Shot]
) -> HttpResponseRedirect:
    """Store all approved drafts of the story as one draft of their promotions."""
    chosen = shots.filter(pk__in=approved_drafts(story, settings.VIDEO_BACKEND))
    mode = RenderBatch.Mode.OVERRIDE
    batches = draft_batches(chosen, mode, requester_of(request), promotes=True)
    if not batches:
        messages.info(request, "No approved take of this story is a draft: nothing to promote.")
        return HttpResponseRedirect(BoardView.of(request).url(story))
    return HttpResponseRedirect(plan_url(batches[0]))


def judge_selection(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    story: Story,
    shots: QuerySet[Shot],
) -> HttpResponse:
    """Approve or reject the newest take of each selected shot. Before rejecting, ask why, once, and
    whether a plan of retakes is to follow."""
    board_url = BoardView.of(request).url(story)
    chosen = selected_shots(request, story, shots)
    verb = REJECT if request.POST.get("verb") == REJECT else APPROVE
    keys = list(chosen.order_by().values_list("pk", flat=True))
    can_generate = request.user.has_perm(GENERATE)
    if verb == REJECT and keys and not is_answered(request):
        hidden = [("verb", verb), ("shots", as_one_field(keys))]
        return ask_why(model_admin, request, len(keys), hidden, board_url, can_retake=can_generate)
    judge_shots(model_admin, request, Shot.objects.filter(pk__in=keys), verb)
    if verb == REJECT and keys and can_generate and "retake" in request.POST:
        retakes = Shot.objects.filter(pk__in=keys)
        batches = draft_batches(retakes, RenderBatch.Mode.DEFAULT, requester_of(request))
        return HttpResponseRedirect(plan_url(batches[0]))
    return HttpResponseRedirect(board_url)


def _approved_drafts(story: Story, shots: QuerySet[Shot]) -> int:
    """How many approved drafts of the story can be promoted at once. Four queries at most."""
    keys = approved_drafts(story, settings.VIDEO_BACKEND)
    return shots.filter(pk__in=keys).count() if keys else 0


def asked_shots(request: HttpRequest) -> list[str]:
    """Return the single shots that the form names, as they were posted."""
    return request.POST.getlist("shot") + request.POST.getlist("shots")


def selected_shots(request: HttpRequest, story: Story, shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """Return the selected shots of the story.

    The form names single shots, and whole scenelets, of which only the shots that the filters
    showed count. With scripts, the shots come as one field with many ids, for servers refuse forms
    of thousands of fields.
    """
    own = shots.filter(scenelet__story=story)
    single = _numbers(request.POST.getlist("shot"))
    single |= _numbers(",".join(request.POST.getlist("shots")).split(","))
    if scenelets := _numbers(request.POST.getlist("scenelet")):
        view = BoardView.of(request)
        cards = _cards_of(story, own.filter(scenelet__in=scenelets))
        single.update(card.shot.pk for card in cards if view.shows(card))
    return own.filter(pk__in=single)


def _numbers(texts: Iterable[str]) -> set[int]:
    return {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19}


def _board_of(
    request: HttpRequest, story: Story, shots: QuerySet[Shot], *, can_generate: bool = False
) -> Board:
    designs = StoryDesigns.of(story)
    cards = _cards_of(story, shots.filter(scenelet__story=story), designs)
    notice = notice_of_backend(signed_in(request))
    money = None
    if request.user.has_perm("videogen.view_submission"):
        money = money_of(story)
    view = BoardView.of(request)
    return Board(story, cards, view, designs, notice, money, can_generate=can_generate)


def _cards_of(
    story: Story, shots: QuerySet[Shot], designs: StoryDesigns | None = None
) -> list[ShotCard]:
    rows = load_for_cards(story, shots)
    outdated = outdated_shots(story, rows)
    sheets = designs.sheets if designs else {}
    return [
        ShotCard(
            each,
            each.pk in outdated,
            tuple(sheets[id] for id in _ids_in(each, "characters") if id in sheets),
        )
        for each in rows
    ]


def _ids_in(shot: Shot, kind: str) -> list[str]:
    payload = shot.storyboard_payload
    return referenced_ids(payload, kind) if isinstance(payload, dict) else []


def _price_of_a_video(story: Story) -> Decimal | None:
    """What the next video costs. None where it is free or the price is unknown."""
    return RequestSettings.current(story).price_usd or None


# -- what the address asks for ---------------------------------------------------------------------


_ALL_SHOTS = ShotFilters()


@dataclass(frozen=True)
class BoardView:
    """Which shots are shown, and how. What makes no sense counts as not asked for."""

    status: str = ""
    shots: ShotFilters = ShotFilters()
    group: str = SCENELET
    size: int = USUAL_SIZE

    @classmethod
    def of(cls, request: HttpRequest) -> BoardView:
        asked = request.GET
        status, group, size = (asked.get(name, "") for name in ("status", "group", "size"))
        return cls(
            status if status in SHOT_BADGES or status == OUTDATED.code else "",
            ShotFilters.of(asked),
            group if group in GROUPINGS else SCENELET,
            int(size) if size in map(str, SIZES) else USUAL_SIZE,
        )

    @property
    def query(self) -> dict[str, str]:
        """What is asked for as the query of an address."""
        return _not_empty(self._asked)

    @property
    def _asked(self) -> dict[str, str]:
        """Every option in the order in which it stands in an address; empty where it asks for
        nothing."""
        return {
            "status": self.status,
            **self.shots.query,
            "group": "" if self.group == SCENELET else self.group,
            "size": "" if self.size == USUAL_SIZE else str(self.size),
        }

    def tell_of_ignored(self, request: HttpRequest) -> None:
        """Say what of the board's address asks for nothing."""
        usual = {"group": SCENELET, "size": str(USUAL_SIZE)}
        tell_of_ignored(request, self.query, usual=usual)

    def url(self, story: Story, name: str = "board", **changes: str) -> str:
        """Return the address of the story's board, or of another page of it, with what is asked
        for; `changes` replace some of it, and empty ones take it out."""
        kept = _not_empty(self._asked | changes)
        address = reverse(f"admin:storybook_story_{name}", args=[story.pk])
        return f"{address}?{urlencode(kept)}" if kept else address

    def shows(self, card: ShotCard) -> bool:
        if self.status == OUTDATED.code:
            has_status = card.is_outdated
        else:
            has_status = self.status in ("", card.word)
        return has_status and (self.shots == _ALL_SHOTS or self.shots.fits(card.shot, card.people))

    @property
    def is_filtered(self) -> bool:
        return bool(self.status or self.shots.query)

    @property
    def status_word(self) -> str:
        """What the status is called."""
        return OUTDATED.word if self.status == OUTDATED.code else badge_of_word(self.status).word


def _not_empty(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


# -- what the page shows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Chip:
    """A link that filters the board by a badge; without a badge, the link to all shots."""

    badge: Badge | None
    number: int
    url: str
    is_current: bool


@dataclass(frozen=True)
class Choice:
    """A field of the form that filters: its values with their words."""

    name: str
    label: str
    value: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class CardOnBoard:
    """Everything that a card on the board follows from, the part that changes and the rest."""

    key: str
    code: str
    name: str
    text: str
    look: CardLook
    can_generate: bool

    @classmethod
    def of(cls, card: ShotCard, *, can_generate: bool) -> CardOnBoard:
        return cls(card.key, card.shot.code, card.name, card.text, card.look, can_generate)

    @property
    def live_html(self) -> SafeString:
        return live_html(self.look)


@lru_cache(maxsize=MOST_KEPT)
def card_html(card: CardOnBoard) -> SafeString:
    return render_to_string("admin/videogen/board/card.html", {"card": card})


@dataclass(frozen=True)
class Group:
    """The shots below one head: a scenelet, or what else the board is grouped by."""

    key: str
    title: str
    # Those that the filters show.
    cards: Sequence[ShotCard]
    # All that belong to it.
    every: Sequence[ShotCard]
    scenelet: Scenelet | None = None
    parent: Scenelet | None = None
    can_generate: bool = False

    @property
    def shown(self) -> Iterable[SafeString]:
        """The HTML of its cards."""
        return (
            card_html(CardOnBoard.of(card, can_generate=self.can_generate)) for card in self.cards
        )

    @property
    def head_key(self) -> str:
        return f"head-{self.key}"

    @property
    def number(self) -> str:
        return f"{self.scenelet.place:02d}" if self.scenelet else ""

    @cached_property
    def approved(self) -> int:
        return sum(card.word == BadgeWord.APPROVED for card in self.every)

    @cached_property
    def length(self) -> str:
        return length_of(self.every)

    @property
    def content(self) -> tuple[object, ...]:
        return (len(self.every), self.approved, self.length)


@dataclass(frozen=True)
class MapRow:
    """A scenelet in the map of the branches: how much of it is approved, and where it leads."""

    node: BranchNode
    url: str
    approved: int
    total: int

    @property
    def percent(self) -> int:
        return int(100 * self.approved / self.total) if self.total else 0


class Board:
    """The shots of a story: those that the `view` asks for, or all of them.

    `notice` says why the queue sends nothing. `money` is None for people who may not see it.

    `cards` are the shots that the filters show, and `all_cards` are all of them. Updates are made
    from `all_cards`: a shot that no longer fits the filters is still on a page that was loaded
    earlier.
    """

    row_height = ROW
    sizes = SIZES

    def __init__(
        self,
        story: Story,
        cards: Sequence[ShotCard],
        view: BoardView,
        designs: StoryDesigns,
        notice: QueueNotice | None = None,
        money: StoryMoney | None = None,
        *,
        can_generate: bool = False,
    ) -> None:
        self.story = story
        self.can_generate = can_generate
        self.view = view
        self.designs = designs
        self.notice = notice
        self.money = money
        self.all_cards = {f"card-{card.key}": card for card in cards}
        self.cards = [card for card in cards if view.shows(card)]
        self.outdated = sum(card.is_outdated for card in cards)
        self.progress = Progress.of(cards)
        self.nodes = branch_nodes(list(story.scenelets.all()))
        self.groups = self._groups()

    # -- live parts

    @property
    def live_url(self) -> str:
        return self.view.url(self.story, "board_state")

    @cached_property
    def groups_by_head(self) -> dict[str, Group]:
        return {group.head_key: group for group in self.groups}

    @cached_property
    def contents(self) -> dict[str, object]:
        """By key of a live part: what its HTML follows from. See live.py."""
        contents: dict[str, object] = {
            SUMMARY: (self.summary, sorted(self.progress.counts.items())),
            CHIPS: (self.view, sorted(self.progress.counts.items()), self.outdated),
            MAP: [(row.url, row.approved, row.total) for row in self.map_rows],
            QUEUE: self.notice and self.notice.content,
        }
        if self.money:
            contents[MONEY] = self.money
        contents |= {key: group.content for key, group in self.groups_by_head.items()}
        return contents | {key: card.look for key, card in self.all_cards.items()}

    @cached_property
    def version(self) -> str:
        return version_of(self.contents)

    # -- the head

    @property
    def trouble(self) -> str:
        """What went wrong and waits for a person: for the title of the page."""
        counts = self.progress.counts
        told = [(counts.get(each, 0), each) for each in TROUBLE]
        return ", ".join(counted_in_words(number, word) for number, word in told if number)

    @property
    def summary(self) -> str:
        endings = sum(node.scenelet.is_terminal for node in self.nodes)
        shots, scenelets = self.progress.total, len(self.nodes)
        told = [
            ngettext("%d shot", "%d shots", shots) % shots,
            ngettext("%d scenelet", "%d scenelets", scenelets) % scenelets,
        ]
        if endings:
            told.append(ngettext("%d ending", "%d endings", endings) % endings)
        if self.progress.total:
            told.append(length_of(self.all_cards.values()))
            told.append(f"{self.progress.approved} of {self.progress.total} approved")
        return " · ".join(told)

    @property
    def form_url(self) -> str:
        return self.view.url(self.story)

    @property
    def judge_url(self) -> str:
        return self.view.url(self.story, "board_judge")

    @property
    def export_url(self) -> str:
        return self.view.url(self.story, "export")

    @property
    def all_url(self) -> str:
        """The same board without filters."""
        return BoardView(group=self.view.group, size=self.view.size).url(self.story)

    @property
    def review_url(self) -> str:
        """The review room with the same filters."""
        status = self.view.status if self.view.status in REVIEWS_IN_ROOM else Filters.status
        return Filters(self.story.pk, status=status, shots=self.view.shots).url()

    @property
    def to_review(self) -> int:
        return self.progress.counts.get(BadgeWord.NEEDS_REVIEW, 0)

    @property
    def chips(self) -> list[Chip]:
        counts, current = self.progress.counts, self.view.status
        numbers = {word: counts.get(word, 0) for word in SHOT_BADGES} | {
            OUTDATED.code: self.outdated
        }
        badges = SHOT_BADGES | {OUTDATED.code: OUTDATED}
        url = self.view.url
        everything = Chip(None, self.progress.total, url(self.story, status=""), not current)
        return [everything] + [
            Chip(badge, numbers[word], url(self.story, status=word), word == current)
            for word, badge in badges.items()
            if numbers[word] or word == current
        ]

    @property
    def choices(self) -> list[Choice]:
        """What the shots of the story can be filtered by beside their status."""
        asked, cards = self.view.shots, self.all_cards.values()
        people = sorted({name for card in cards for name in card.people})
        scenelets = [
            (str(node.scenelet.pk), f"{node.number} {node.scenelet}") for node in self.nodes
        ]
        return [
            _choice("scenelet", "Scenelet", str(asked.scenelet or ""), scenelets),
            _choice(
                "character",
                "Character",
                asked.character,
                self._named(self.designs.characters, "characters"),
            ),
            _choice(
                "environment",
                "Environment",
                asked.environment,
                self._named(self.designs.environments, "environments"),
            ),
            _choice("person", "Asked for by", asked.person, [(name, name) for name in people]),
        ]

    @property
    def choices_made(self) -> int:
        return sum(bool(choice.value) for choice in self.choices)

    @property
    def groupings(self) -> list[tuple[str, str]]:
        return list(GROUPINGS.items())

    def _named(self, designs: Mapping[str, str], kind: str) -> list[tuple[str, str]]:
        """The designs that shots name, in the order of the document, and then ids without one."""
        used = dict.fromkeys(
            key for card in self.all_cards.values() for key in _ids_in(card.shot, kind)
        )
        known = [(key, name) for key, name in designs.items() if key in used]
        return known + [(key, key) for key in used if key not in designs]

    # -- the groups and the map

    def _groups(self) -> list[Group]:
        if self.view.group == SCENELET:
            return self._scenelet_groups()
        titles, values_of = self._grouping()
        every: dict[str, list[ShotCard]] = {}
        for card in self.all_cards.values():
            # Each shot stands once: under the first that it names.
            every.setdefault(next(iter(values_of(card)), ""), []).append(card)
        order = {value: place for place, value in enumerate(titles)}
        shown = set(map(id, self.cards))
        groups = [
            Group(
                f"{self.view.group}:{value}",
                titles.get(value, value) or f"no {GROUPINGS[self.view.group]}",
                [card for card in every[value] if id(card) in shown],
                every[value],
                can_generate=self.can_generate,
            )
            for value in sorted(every, key=lambda value: (order.get(value, len(order)), value))
        ]
        return [group for group in groups if group.cards]

    def _grouping(self) -> tuple[Mapping[str, str], Callable[[ShotCard], Iterable[str]]]:
        """The titles of the groups in their order, and to which of them a shot belongs."""
        match self.view.group:
            case "status":
                titles = {word: badge.word for word, badge in SHOT_BADGES.items()}
                return titles, lambda card: [card.word]
            case "person":
                return {}, lambda card: sorted(card.people)
            case "character":
                return self.designs.characters, lambda card: _ids_in(card.shot, "characters")
            case _:
                return self.designs.environments, lambda card: _ids_in(card.shot, "environments")

    def _scenelet_groups(self) -> list[Group]:
        shown = _by_scenelet(self.cards)
        by_id = {node.scenelet.pk: node.scenelet for node in self.nodes}
        return [
            Group(
                str(pk),
                str(scenelet),
                shown.get(pk, []),
                self._every.get(pk, []),
                scenelet,
                by_id.get(scenelet.parent_id or 0),
                self.can_generate,
            )
            for pk, scenelet in by_id.items()
            if pk in shown or not self.view.is_filtered
        ]

    @cached_property
    def _every(self) -> dict[int, list[ShotCard]]:
        return _by_scenelet(self.all_cards.values())

    @cached_property
    def map_rows(self) -> list[MapRow]:
        there = {group.scenelet.pk for group in self.groups if group.scenelet}
        elsewhere = BoardView(size=self.view.size).url(self.story)
        rows = []
        for node in self.nodes:
            key = node.scenelet.pk
            cards = self._every.get(key, [])
            approved = sum(card.word == BadgeWord.APPROVED for card in cards)
            page = "" if key in there else elsewhere
            rows.append(MapRow(node, f"{page}#scenelet-{key}", approved, len(cards)))
        return rows


def _choice(name: str, label: str, value: str, options: Sequence[tuple[str, str]]) -> Choice:
    """What is asked for stays in the list, even if no shot has it."""
    if value and value not in dict(options):
        options = [*options, (value, value)]
    return Choice(name, label, value, options)


def _by_scenelet(cards: Iterable[ShotCard]) -> dict[int, list[ShotCard]]:
    found: dict[int, list[ShotCard]] = {}
    for card in cards:
        found.setdefault(card.shot.scenelet_id, []).append(card)
    return found


def length_of(cards: Iterable[ShotCard]) -> str:
    """How long the shots are together. Those without a take count with the length that they will
    have."""
    seconds = [card.seconds for card in cards]
    total = sum(each or settings.VIDEO_DURATION_SECONDS for each in seconds)
    return clock(total, is_estimated=not all(seconds))
