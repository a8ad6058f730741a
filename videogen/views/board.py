"""All shots of a story side by side, scenelet by scenelet, in the order of the story's tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import get_template, render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse

from storybook.models import Scenelet, Shot, Story
from videogen.models import RenderBatch
from videogen.models.states import BadgeWord
from videogen.planning.drafts import draft_batches
from videogen.planning.outdated import outdated_shots
from videogen.planning.shot_status import filter_by_badge

from .components.access import requester_of
from .components.badges import OUTDATED, SHOT_BADGES, Badge
from .components.live import TROUBLE, changed_since, marks_of
from .components.queue_notice import QueueNotice, notice_of_backend
from .components.selection import tell_of_left_out
from .components.shot_cards import Progress, ShotCard, for_cards

CHIPS = "chips"
QUEUE = "queue"


def show_board(
    request: HttpRequest,
    admin_site: AdminSite,
    story: Story,
    shots: QuerySet[Shot],
    *,
    can_generate: bool,
) -> HttpResponse:
    """`shots`: those of the story that the person may see."""
    board = Board(story, _shots_of(story, shots), _status(request), notice_of_backend(request.user))
    request.current_app = admin_site.name
    return TemplateResponse(
        request,
        "admin/videogen/board/page.html",
        {
            **admin_site.each_context(request),
            # Pictures need the width; the way back is in the breadcrumbs.
            "is_nav_sidebar_enabled": False,
            "title": str(story),
            "subtitle": None,
            "opts": Story._meta,
            "story": story,
            "board": board,
            "can_generate": can_generate,
            "has_story_permission": admin_site.get_model_admin(Story).has_view_permission(request),
        },
    )


def board_state(request: HttpRequest, story: Story, shots: QuerySet[Shot]) -> JsonResponse:
    """Those parts of the page that changed since it asked last, as the page has them."""
    board = Board(story, _shots_of(story, shots), _status(request), notice_of_backend(request.user))
    live_part = get_template("admin/videogen/board/card_live.html")
    changed = changed_since(board.looks, request.GET.get("since", ""))
    parts = {
        key: live_part.render({"card": board.all_cards[key]})
        for key in changed
        if key in board.all_cards
    }
    if CHIPS in changed:
        parts[CHIPS] = render_to_string("admin/videogen/board/chips.html", {"board": board})
    if QUEUE in changed:
        parts[QUEUE] = render_to_string("admin/videogen/board/queue.html", {"board": board})
    return JsonResponse(
        {
            "active": BadgeWord.GENERATING in board.progress.counts,
            "parts": parts,
            "since": board.marks,
        }
    )


def draft_selection(
    request: HttpRequest, story: Story, shots: QuerySet[Shot]
) -> HttpResponseRedirect:
    """Store what was selected as a draft; what it would do and cost is the next page."""
    status = _status(request)
    chosen = _selected(request, story, shots.filter(scenelet__story=story), status)
    batches = draft_batches(chosen, RenderBatch.Mode.DEFAULT, requester_of(request))
    asked = request.POST.getlist("shot") + request.POST.getlist("shots")
    tell_of_left_out(request, asked, batches)
    if not batches:
        messages.warning(request, "Select the shots first: nothing was selected.")
        return HttpResponseRedirect(board_url(story, status))
    return HttpResponseRedirect(reverse("admin:videogen_renderbatch_plan", args=[batches[0].pk]))


def board_url(story: Story, status: str = "", name: str = "board") -> str:
    url = reverse(f"admin:storybook_story_{name}", args=[story.pk])
    return f"{url}?{urlencode({'status': status})}" if status else url


def _status(request: HttpRequest) -> str:
    status = request.GET.get("status", "")
    return status if status in SHOT_BADGES or status == OUTDATED.word else ""


def _shots_of(story: Story, shots: QuerySet[Shot]) -> list[Shot]:
    return list(for_cards(shots.filter(scenelet__story=story)).select_related("scenelet"))


def _selected(
    request: HttpRequest, story: Story, shots: QuerySet[Shot], status: str
) -> QuerySet[Shot]:
    """The boxes of single shots, one field with many ids (as the script sends them: servers refuse
    thousands of fields), and the boxes of whole scenelets, as far as they were shown."""
    single = _numbers(request.POST.getlist("shot"))
    single |= _numbers(",".join(request.POST.getlist("shots")).split(","))
    if scenelets := _numbers(request.POST.getlist("scenelet")):
        whole = shots.filter(scenelet__in=scenelets)
        if status == OUTDATED.word:
            whole = whole.filter(pk__in=outdated_shots(story, _shots_of(story, shots)))
        elif status:
            whole = filter_by_badge(whole, status)
        single.update(whole.order_by().values_list("pk", flat=True))
    return shots.filter(pk__in=single)


def _numbers(texts: Iterable[str]) -> set[int]:
    return {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19}


# -- what the page shows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Chip:
    """A link that leaves only the shots of one badge; without a badge, all of them."""

    badge: Badge | None
    number: int
    url: str
    is_current: bool


@dataclass(frozen=True)
class Scene:
    """A scenelet with those of its shots that are shown."""

    scenelet: Scenelet
    parent: Scenelet | None
    cards: Sequence[ShotCard]
    key: str


class Board:
    """A story's shots, one `status` of them or (without one) all. A query of its own beside that of
    the shots and those of outdated_shots(). notice: why the queue sends nothing.

    The state tells of `all_cards`: a shot that a filter does not fit any more is still on the page
    that was loaded before.
    """

    def __init__(
        self,
        story: Story,
        shots: Sequence[Shot],
        status: str = "",
        notice: QueueNotice | None = None,
    ) -> None:
        self.story = story
        self.notice = notice
        self.status = status
        outdated = outdated_shots(story, shots)
        self.outdated = len(outdated)
        self.all_cards = {f"card-{each.pk}": ShotCard(each, each.pk in outdated) for each in shots}
        self.progress = Progress.of(self.all_cards.values())
        self.cards = [each for each in self.all_cards.values() if self._is_shown(each)]
        self.scenes = self._scenes(list(story.scenelets.all()))

    @property
    def live_url(self) -> str:
        return board_url(self.story, self.status, name="board_state")

    @cached_property
    def looks(self) -> dict[str, object]:
        chips = (self.status, sorted(self.progress.counts.items()), self.outdated)
        queue = self.notice and self.notice.look
        return {CHIPS: chips, QUEUE: queue} | {
            key: card.look for key, card in self.all_cards.items()
        }

    @cached_property
    def marks(self) -> str:
        return marks_of(self.looks)

    @property
    def trouble(self) -> str:
        """What waits for a person because it went wrong, for the page's title."""
        counts = self.progress.counts
        told = [(counts.get(each, 0), each) for each in TROUBLE]
        return ", ".join(f"{number} {word}" for number, word in told if number)

    @property
    def form_url(self) -> str:
        return board_url(self.story, self.status)

    @property
    def chips(self) -> list[Chip]:
        everything = Chip(None, self.progress.total, board_url(self.story), not self.status)
        counts = self.progress.counts
        numbers = {word: counts.get(word, 0) for word in SHOT_BADGES} | {
            OUTDATED.word: self.outdated
        }
        badges = SHOT_BADGES | {OUTDATED.word: OUTDATED}
        return [everything] + [
            Chip(badge, numbers[word], board_url(self.story, word), word == self.status)
            for word, badge in badges.items()
            if numbers[word] or word == self.status
        ]

    def _is_shown(self, card: ShotCard) -> bool:
        if self.status == OUTDATED.word:
            return card.is_outdated
        return self.status in ("", card.word)

    def _scenes(self, scenelets: Sequence[Scenelet]) -> list[Scene]:
        cards: dict[int, list[ShotCard]] = {}
        for card in self.cards:
            cards.setdefault(card.shot.scenelet_id, []).append(card)
        by_id = {each.pk: each for each in scenelets}
        return [
            Scene(each, by_id.get(each.parent_id), cards.get(each.pk, []), str(each.pk))
            for each in in_tree_order(scenelets)
            if each.pk in cards or not self.status
        ]


def in_tree_order(scenelets: Sequence[Scenelet]) -> list[Scenelet]:
    """Every branch right after the scenelet that it leaves, each once even where parents form a
    circle."""
    known = {each.pk for each in scenelets}
    branches: dict[int | None, list[Scenelet]] = {}
    for each in scenelets:
        parent = each.parent_id if each.parent_id in known else None
        branches.setdefault(parent, []).append(each)
    ordered: dict[int, Scenelet] = {}
    # A stack: stories can be longer than Python's recursion is deep.
    for start in [*branches.get(None, []), *scenelets]:
        waiting = [start]
        while waiting:
            each = waiting.pop()
            if each.pk not in ordered:
                ordered[each.pk] = each
                waiting += reversed(branches.get(each.pk, []))
    return list(ordered.values())
