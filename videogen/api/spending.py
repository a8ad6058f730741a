"""Money: every possible charge, and what was spent."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from videogen.billing.forecasts import forecasts
from videogen.billing.spending_report import spending_object
from videogen.billing.statistics import By, SpendingScope, figures_by, total_of
from videogen.models import Submission
from videogen.models.states import SubmissionOutcome
from videogen.planning.targets import find_story

from .access import READ, SEE_MONEY, rights
from .fields import In, Json, Key, Moment, Money, Name, Out, money, money_or_none
from .pages import Page, PageQuery, read_page
from .plans import CodedOut
from .problems import ApiProblem

router = Router(tags=["money"])


class SubmissionQuery(PageQuery):
    story_id: Name | None = None
    render_id: Key | None = None
    outcome: SubmissionOutcome | None = None


class SubmissionOut(Out):
    id: str
    render_id: int
    story_id: str
    code: str = Field(description="Of the shot.")
    account: str
    price_usd: Money
    outcome: str
    actual_cost_usd: Money | None = Field(description="Of the render; null while that is open.")
    error: CodedOut | None
    claimed_at: Moment
    answered_at: Moment | None


class SubmissionPage(Page):
    items: list[SubmissionOut]


class SpendQuery(In):
    story_id: Name | None = Field(None, description="With a forecast to the story's end.")
    since: date | None = None
    until: date | None = None
    by: By | None = Field(None, description="One table only.")


class SpendOut(Out):
    """As `manage.py spend --json` prints it."""

    story_id: str | None
    since: str | None
    until: str | None
    is_simulated: bool
    by: dict[str, list[Json]]
    total: Json
    wiped_stories_usd: Money = Field(description="In no row: what wiped stories have cost.")
    wiped_stories_open_usd: Money = Field(
        description="In no row: what submissions of wiped stories, whose outcome nobody knows, may "
        "have cost."
    )
    forecast: Json | None


@router.get("/submissions", response=SubmissionPage, **rights(READ, SEE_MONEY))
def list_submissions(request: HttpRequest, query: Query[SubmissionQuery]) -> SubmissionPage:
    """List the possible charges, the newest first. What may have been paid is here, always."""
    rows = Submission.objects.select_related("lane", "render__shot__scenelet__story").defer(
        "render__prompt_text", "render__references", "render__shot__storyboard_payload"
    )
    if query.story_id is not None:
        rows = rows.filter(render__shot__scenelet__story__story_id=query.story_id)
    if query.render_id is not None:
        rows = rows.filter(render=query.render_id)
    if query.outcome is not None:
        rows = rows.filter(outcome=query.outcome)
    found, cursor = read_page(rows, query, ("-claimed_at", "token"))
    return SubmissionPage(items=list(map(_out, found)), next_cursor=cursor)


def _out(submission: Submission) -> SubmissionOut:
    render = submission.render
    error = None
    if submission.error_message:
        error = CodedOut(code=submission.error_code, message=submission.error_message)
    return SubmissionOut(
        id=str(submission.token),
        render_id=render.pk,
        story_id=render.shot.scenelet.story.story_id,
        code=render.shot.code,
        account=submission.lane.name,
        price_usd=money(submission.price_usd),
        outcome=submission.outcome,
        actual_cost_usd=money_or_none(render.actual_cost_usd),
        error=error,
        claimed_at=submission.claimed_at,
        answered_at=submission.answered_at,
    )


@router.get("/spend", response=SpendOut, **rights(READ, SEE_MONEY))
def get_spending(request: HttpRequest, query: Query[SpendQuery]) -> dict[str, Any]:
    """Tell what was spent, on what and why, and what it takes to finish a story."""
    if query.since and query.until and query.since > query.until:
        raise ApiProblem(409, "no_days", "`until` is before `since`.")
    story = find_story(query.story_id) if query.story_id is not None else None
    scope = SpendingScope(story, query.since, query.until)
    wanted = [query.by.value] if query.by else By.values
    figures = {each: figures_by(each, scope) for each in wanted}
    forecast = forecasts([story])[0] if story else None
    return spending_object(scope, figures, total_of(figures[wanted[0]]), forecast)
