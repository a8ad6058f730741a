"""The board: all shots of a story, scenelet by scenelet, in the order of the story's tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
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
from videogen.planning.promotions import approved_drafts
from videogen.planning.shot_status import filter_by_badge

from .components.access import REVIEW, requester_of, signed_in
from .components.badges import OUTDATED, SHOT_BADGES, Badge, badge_of_word, counted_in_words
from .components.live import TROUBLE, changed_since, version_of
from .components.queue_notice import QueueNotice, notice_of_backend
from .components.selection import tell_of_left_out
from .components.shot_cards import Progress, ShotCard, for_cards
from .components.urls import plan_url
from .review.bulk import APPROVE, REJECT, as_one_field, ask_why, is_answered, judge_shots

# What the buttons of the selection ask for, beside new videos.
PROMOTE, PROMOTE_APPROVED = "promote", "promote_approved"

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
    """Show the page. `shots` are those of the story that the person may see."""
    board = _board_of(request, story, shots)
    request.current_app = admin_site.name
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
            "may_review": request.user.has_perm(REVIEW),
            "has_story_permission": admin_site.get_model_admin(Story).has_view_permission(request),
        },
    )


def board_state(request: HttpRequest, story: Story, shots: QuerySet[Shot]) -> JsonResponse:
    """Send the parts of the page that changed since the version that it has."""
    board = _board_of(request, story, shots)
    live_part = get_template("admin/videogen/board/card_live.html")
    changed = changed_since(board.contents, request.GET.get("since", ""))
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
            "since": board.version,
        }
    )


def draft_selection(
    request: HttpRequest, story: Story, shots: QuerySet[Shot]
) -> HttpResponseRedirect:
    """Store the selection as a draft of new videos or, by its button, of promotions. The next page
    shows its plan and its cost."""
    status = status_of(request)
    verb = request.POST.get("verb")
    if verb == PROMOTE_APPROVED:
        return _draft_approved(request, story, shots.filter(scenelet__story=story), status)
    chosen = selected_shots(request, story, shots.filter(scenelet__story=story), status)
    mode = RenderBatch.Mode.OVERRIDE if verb == PROMOTE else RenderBatch.Mode.DEFAULT
    batches = draft_batches(chosen, mode, requester_of(request), promotes=verb == PROMOTE)
    drafted = {pk for batch in batches for pk in batch.filters["shots"]}
    tell_of_left_out(request, asked_shots(request), drafted)
    if not batches:
        messages.warning(request, "Nothing was selected. Select the shots first.")
        return HttpResponseRedirect(board_url(story, status))
    return HttpResponseRedirect(plan_url(batches[0]))


def _draft_approved(
    request: HttpRequest, story: Story, shots: QuerySet[Shot], status: str
) -> HttpResponseRedirect:
    """Store all approved drafts of the story as one draft of their promotions."""
    chosen = shots.filter(pk__in=approved_drafts(story, settings.VIDEO_BACKEND))
    mode = RenderBatch.Mode.OVERRIDE
    batches = draft_batches(chosen, mode, requester_of(request), promotes=True)
    if not batches:
        messages.info(request, "No approved take of this story is a draft: nothing to promote.")
        return HttpResponseRedirect(board_url(story, status))
    return HttpResponseRedirect(plan_url(batches[0]))


def judge_selection(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    story: Story,
    shots: QuerySet[Shot],
) -> HttpResponse:
    """Approve or reject the newest take of each selected shot. Before rejecting, ask why, once."""
    status = status_of(request)
    chosen = selected_shots(request, story, shots.filter(scenelet__story=story), status)
    verb = REJECT if request.POST.get("verb") == REJECT else APPROVE
    keys = list(chosen.order_by().values_list("pk", flat=True))
    if verb == REJECT and keys and not is_answered(request):
        hidden = [("verb", verb), ("shots", as_one_field(keys))]
        return ask_why(model_admin, request, len(keys), hidden, board_url(story, status))
    judge_shots(model_admin, request, Shot.objects.filter(pk__in=keys), verb)
    return HttpResponseRedirect(board_url(story, status))


def board_url(story: Story, status: str = "", name: str = "board") -> str:
    url = reverse(f"admin:storybook_story_{name}", args=[story.pk])
    return f"{url}?{urlencode({'status': status})}" if status else url


def status_of(request: HttpRequest) -> str:
    status = request.GET.get("status", "")
    return status if status in SHOT_BADGES or status == OUTDATED.code else ""


def _approved_drafts(story: Story, shots: QuerySet[Shot]) -> int:
    """How many approved drafts of the story can be promoted at once. Four queries at most."""
    keys = approved_drafts(story, settings.VIDEO_BACKEND)
    return shots.filter(pk__in=keys).count() if keys else 0


def _board_of(request: HttpRequest, story: Story, shots: QuerySet[Shot]) -> Board:
    notice = notice_of_backend(signed_in(request))
    return Board(story, _shots_of(story, shots), status_of(request), notice)


def _shots_of(story: Story, shots: QuerySet[Shot]) -> list[Shot]:
    return list(for_cards(shots.filter(scenelet__story=story)).select_related("scenelet"))


def asked_shots(request: HttpRequest) -> list[str]:
    """Return the single shots that the form names, as they were posted."""
    return request.POST.getlist("shot") + request.POST.getlist("shots")


def selected_shots(
    request: HttpRequest, story: Story, shots: QuerySet[Shot], status: str
) -> QuerySet[Shot]:
    """Return the selected shots.

    The form names single shots, and whole scenelets, of which only the shots that the filter showed
    count. With scripts, the shots come as one field with many ids, for servers refuse forms of
    thousands of fields.
    """
    single = _numbers(request.POST.getlist("shot"))
    single |= _numbers(",".join(request.POST.getlist("shots")).split(","))
    if scenelets := _numbers(request.POST.getlist("scenelet")):
        whole = shots.filter(scenelet__in=scenelets)
        if status == OUTDATED.code:
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
    """A link that filters the board by a badge; without a badge, the link to all shots."""

    badge: Badge | None
    number: int
    url: str
    is_current: bool


@dataclass(frozen=True)
class SceneletRow:
    """A scenelet with those of its shots that the filter shows."""

    scenelet: Scenelet
    parent: Scenelet | None
    cards: Sequence[ShotCard]
    key: str


class Board:
    """The shots of a story: those of one `status`, or all of them.

    `notice` says why the queue sends nothing.

    `cards` are the shots that the filter shows, and `all_cards` are all of them. Updates are made
    from `all_cards`: a shot that no longer fits the filter is still on a page that was loaded
    earlier.
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
        self.scenelets = self._scenelet_rows(list(story.scenelets.all()))

    @property
    def live_url(self) -> str:
        return board_url(self.story, self.status, name="board_state")

    @cached_property
    def contents(self) -> dict[str, object]:
        """By key of a live part: what its HTML follows from. See live.py."""
        contents: dict[str, object] = {
            CHIPS: (self.status, sorted(self.progress.counts.items()), self.outdated),
            QUEUE: self.notice and self.notice.content,
        }
        return contents | {key: card.content for key, card in self.all_cards.items()}

    @cached_property
    def version(self) -> str:
        return version_of(self.contents)

    @property
    def trouble(self) -> str:
        """What went wrong and waits for a person: for the title of the page."""
        counts = self.progress.counts
        told = [(counts.get(each, 0), each) for each in TROUBLE]
        return ", ".join(counted_in_words(number, word) for number, word in told if number)

    @property
    def status_word(self) -> str:
        """What the filter is called."""
        return OUTDATED.word if self.status == OUTDATED.code else badge_of_word(self.status).word

    @property
    def form_url(self) -> str:
        return board_url(self.story, self.status)

    @property
    def judge_url(self) -> str:
        return board_url(self.story, self.status, name="board_judge")

    @property
    def export_url(self) -> str:
        return board_url(self.story, self.status, name="export")

    @property
    def chips(self) -> list[Chip]:
        everything = Chip(None, self.progress.total, board_url(self.story), not self.status)
        counts = self.progress.counts
        numbers = {word: counts.get(word, 0) for word in SHOT_BADGES} | {
            OUTDATED.code: self.outdated
        }
        badges = SHOT_BADGES | {OUTDATED.code: OUTDATED}
        return [everything] + [
            Chip(badge, numbers[word], board_url(self.story, word), word == self.status)
            for word, badge in badges.items()
            if numbers[word] or word == self.status
        ]

    def _is_shown(self, card: ShotCard) -> bool:
        if self.status == OUTDATED.code:
            return card.is_outdated
        return self.status in ("", card.word)

    def _scenelet_rows(self, scenelets: Sequence[Scenelet]) -> list[SceneletRow]:
        cards: dict[int, list[ShotCard]] = {}
        for card in self.cards:
            cards.setdefault(card.shot.scenelet_id, []).append(card)
        by_id = {each.pk: each for each in scenelets}
        return [
            SceneletRow(each, by_id.get(each.parent_id or 0), cards.get(each.pk, []), str(each.pk))
            for each in in_tree_order(scenelets)
            if each.pk in cards or not self.status
        ]


def in_tree_order(scenelets: Sequence[Scenelet]) -> list[Scenelet]:
    """Sort the scenelets so that each branch comes right after the scenelet that it leaves.

    Each scenelet is returned once, even if wrong data makes a circle of parents.
    """
    known = {each.pk for each in scenelets}
    branches: dict[int | None, list[Scenelet]] = {}
    for each in scenelets:
        parent = each.parent_id if each.parent_id in known else None
        branches.setdefault(parent, []).append(each)
    ordered: dict[int, Scenelet] = {}
    # A stack and no recursion: stories can be longer than Python's recursion is deep.
    for start in [*branches.get(None, []), *scenelets]:
        waiting = [start]
        while waiting:
            each = waiting.pop()
            if each.pk not in ordered:
                ordered[each.pk] = each
                waiting += reversed(branches.get(each.pk, []))
    return list(ordered.values())
