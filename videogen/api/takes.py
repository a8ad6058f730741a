"""Takes: their files, their reviews, and uploads."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from ninja import File, Path, Query, Router
from ninja.files import UploadedFile
from pydantic import Field

from videogen.common.errors import ReviewError
from videogen.models import VideoRender, states
from videogen.takes import reviews
from videogen.takes.uploads import upload_take
from videogen.takes.verdicts import DECIDED, give_verdict

from .access import JUDGE, READ, REVIEW, SEE_RENDERS, person_of, requester_of, rights
from .audit import note
from .fields import In, Key, Moment, Name, Text
from .files import redirect_to_file
from .idempotency import IdempotencyKey, made, once, only_file
from .pages import Page, PageQuery, read_page
from .renders import RenderOut, members, told_renders
from .shots import find_shot

router = Router(tags=["takes"])

Review = VideoRender.Review


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    SELECT = "select"
    UNLOCK = "unlock"
    UNDO = "undo"


_VERDICTS = {
    Verdict.APPROVE: Review.APPROVED,
    Verdict.REJECT: Review.REJECTED,
    Verdict.SELECT: Review.SELECTED,
}


class TakeQuery(PageQuery):
    story_id: Name | None = None
    shot_id: Key | None = None
    review: states.Review | None = None


class TakeOut(RenderOut):
    review_reasons: list[str]
    review_words: str
    reviewed_by: str | None
    reviewed_at: Moment | None
    bytes: int | None
    sha256: str
    seconds: float | None
    width: int | None
    height: int | None
    fps: float | None
    has_audio: bool | None
    file_url: str = Field(description="Answers with a redirect to the file.")


class TakePage(Page):
    items: list[TakeOut]


class ReviewRequest(In):
    verdict: Verdict
    seen: states.Review = Field(description="The review that you saw: of two verdicts, one holds.")
    words: Text = Field("", description="What is wrong with a rejected take.")
    reasons: list[states.RejectReason] = Field([], max_length=20)
    instead_of: Key | None = Field(
        None,
        description="The approved take whose place an approval takes, such as that of a draft. "
        "Without it, a shot that has an approved take has to be unlocked first.",
    )


class ReviewedOut(TakeOut):
    cancelled: int = Field(description="Other takes of the shot that were not sent yet.")


@router.get("/takes", response=TakePage, **rights(READ, SEE_RENDERS))
def list_takes(request: HttpRequest, query: Query[TakeQuery]) -> TakePage:
    """List the takes, the newest first."""
    rows = _takes()
    if query.story_id is not None:
        rows = rows.filter(shot__scenelet__story__story_id=query.story_id)
    if query.shot_id is not None:
        rows = rows.filter(shot=query.shot_id)
    if query.review is not None:
        rows = rows.filter(review=query.review)
    found, cursor = read_page(rows, query)
    return TakePage(items=[TakeOut(**_members(each)) for each in found], next_cursor=cursor)


@router.get("/takes/{id}", response=TakeOut, **rights(READ, SEE_RENDERS))
def get_take(request: HttpRequest, id: Path[Key]) -> TakeOut:
    """Show a take. Its id is that of its render."""
    return TakeOut(**_members(_find(id)))


@router.get("/takes/{id}/file", response={302: None}, **rights(READ, SEE_RENDERS))
def get_take_file(request: HttpRequest, id: Path[Key]) -> HttpResponseBase:
    """Redirect to the take's video. The address works for five minutes, without the token, and
    answers ranges."""
    return redirect_to_file(request, _find(id).video_file)


@router.post("/takes/{id}/review", response=ReviewedOut, **rights(REVIEW, JUDGE))
def review_take(request: HttpRequest, id: Path[Key], body: ReviewRequest) -> ReviewedOut:
    """Approve, reject or select a take, unlock an approved one, or undo a review."""
    if (body.words or body.reasons) and body.verdict != Verdict.REJECT:
        raise ReviewError("Only a rejection has words or reasons.", code="usage")
    if body.instead_of is not None and body.verdict != Verdict.APPROVE:
        raise ReviewError("Only an approval takes the place of another one.", code="usage")
    render = _find(id)
    user = person_of(request)
    cancelled = 0
    with transaction.atomic():
        if body.verdict in _VERDICTS:
            _, cancelled = give_verdict(
                render,
                user,
                _VERDICTS[body.verdict],
                seen=body.seen,
                words=body.words,
                reasons=body.reasons,
                instead_of=body.instead_of,
            )
        else:
            _take_back(render, body)
            act = reviews.unlock_take if body.verdict == Verdict.UNLOCK else reviews.clear_review
            act(render, user)
        note(request, render, f"Review: {body.verdict}.")
    return ReviewedOut(**_members(_find(id)), cancelled=cancelled)


def _take_back(render: VideoRender, body: ReviewRequest) -> None:
    """Raise ReviewError if the take does not stand any more as the reviewer saw it. The caller's
    transaction keeps the lock."""
    reviews.lock_shot(render.shot_id)
    render.refresh_from_db(fields=["review"])
    if render.review != body.seen:
        raise ReviewError("Somebody has decided meanwhile: look at it once more.", code=DECIDED)


@router.post("/shots/{id}/takes", response={201: TakeOut}, **rights(REVIEW, JUDGE))
def upload_video(
    request: HttpRequest, id: Path[Key], video: File[UploadedFile], key: IdempotencyKey
) -> HttpResponse:
    """Upload a video as the next take of a shot. A video that the shot has already is refused."""
    only_file(request, "video")
    shot = find_shot(id)

    def make() -> HttpResponse:
        render = upload_take(shot, video, requester_of(request), is_once=True)
        note(request, render, "Uploaded.", is_new=True)
        return made(201, TakeOut(**_members(_find(render.pk))), f"/api/v1/takes/{render.pk}")

    return once(request, key, make, in_one_transaction=False)


def _takes() -> QuerySet[VideoRender]:
    return told_renders().filter(state=VideoRender.State.DONE)


def _find(pk: int) -> VideoRender:
    render = _takes().filter(pk=pk).first()
    if render is None:
        raise Http404
    return render


def _members(render: VideoRender) -> dict[str, Any]:
    return {
        **members(render),
        "review_reasons": [each.value for each in render.rejected_for],
        "review_words": render.review_reason,
        "reviewed_by": render.reviewed_by_name or None,
        "reviewed_at": render.reviewed_at,
        "bytes": render.byte_size,
        "sha256": render.sha256,
        "seconds": render.video_seconds,
        "width": render.width,
        "height": render.height,
        "fps": render.fps,
        "has_audio": render.has_audio,
        "file_url": f"/api/v1/takes/{render.pk}/file",
    }
