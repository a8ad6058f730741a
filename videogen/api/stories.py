"""Stories: their progress, import and export."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import File, Path, Query, Router
from ninja.files import UploadedFile
from pydantic import ConfigDict, Field

from storybook.bundle_uploads import find_bundle, keep_bundle, remove_bundle
from storybook.errors import BundleError, ImportFailed
from storybook.importer.report_objects import imported_object, refused_object
from storybook.importer.story import ImportReport, import_story
from storybook.models import Story
from videogen.cli.stories import with_codes
from videogen.exports.files import zip_chunks
from videogen.exports.story_export import plan_export
from videogen.planning.shot_status import count_badges_by_story
from videogen.planning.targets import find_story
from videogen.takes.chosen_takes import TakeRule

from .access import IMPORT, READ, REVIEW, SEE_RENDERS, SEE_STORIES, person_of, rights
from .audit import note
from .fields import In, Json, Moment, Name, Out
from .idempotency import IdempotencyKey, made, once, only_file
from .pages import Page, PageQuery, read_page
from .problems import ApiProblem

router = Router(tags=["stories"])


class StoryOut(Out):
    story_id: str
    title: str
    scenelets: int
    shots: int
    statuses: dict[str, int] = Field(description="How many of its shots have which status.")
    created_at: Moment
    updated_at: Moment


class StoryPage(Page):
    items: list[StoryOut]


class ImportQuery(In):
    dry_run: bool = Field(False, description="Say what an import would do, and do nothing.")


class ImportOut(Out):
    """As `manage.py import_story --json` prints it; the report has more members than these."""

    model_config = ConfigDict(extra="allow")

    story_id: str
    title: str
    is_dry_run: bool
    created: dict[str, int]
    updated: dict[str, int]
    unchanged: dict[str, int]
    kept: dict[str, int]
    warnings: list[Json]
    problems: list[Json]


class ExportQuery(In):
    takes: TakeRule = TakeRule.BEST
    ending: Name | None = Field(None, description="Only the path to this ending.")
    films: bool = Field(False, description="With the films that exist.")


@router.get("/stories", response=StoryPage, **rights(READ, SEE_STORIES, SEE_RENDERS))
def list_stories(request: HttpRequest, query: Query[PageQuery]) -> StoryPage:
    """List the stories."""
    rows = Story.objects.annotate(scenelet_count=Count("scenelets"))
    found, cursor = read_page(rows, query, ("pk",))
    return StoryPage(items=_out(found), next_cursor=cursor)


@router.get("/stories/{story_id}", response=StoryOut, **rights(READ, SEE_STORIES, SEE_RENDERS))
def get_story(request: HttpRequest, story_id: Path[Name]) -> StoryOut:
    """Tell where a story stands."""
    story = find_story(story_id)
    story.scenelet_count = story.scenelets.count()  # type: ignore[attr-defined]
    [found] = _out([story])
    return found


@router.post("/stories", response={201: ImportOut}, **rights(REVIEW, SEE_STORIES, IMPORT))
def create_story(
    request: HttpRequest,
    bundle: File[UploadedFile],
    query: Query[ImportQuery],
    key: IdempotencyKey,
) -> HttpResponse:
    """Import a bundle: a zip with story.json and images/. A story that has its id is brought up to
    date. With `dry_run`, only the report is made. With problems nothing is imported, and all of
    them are named."""
    only_file(request, "bundle")
    if (bundle.size or 0) > settings.STORY_ZIP_MAX_BYTES:
        raise ApiProblem(413, "too_large", "The zip is larger than STORY_ZIP_MAX_MEGABYTES.")

    def make() -> HttpResponse:
        report = _import(request, bundle, is_dry_run=query.dry_run)
        location = "" if query.dry_run else f"/api/v1/stories/{quote(report.story_id, safe='')}"
        told = imported_object(report, is_dry_run=query.dry_run)
        return made(201, ImportOut(**told), location)

    return once(request, key, make, in_one_transaction=False)


def _import(request: HttpRequest, bundle: UploadedFile, *, is_dry_run: bool) -> ImportReport:
    owner = int(person_of(request).pk)
    try:
        kept = keep_bundle(bundle, owner)
    except OSError as error:
        raise ApiProblem(503, "storage", "The bundle cannot be stored.") from error
    try:
        path = find_bundle(kept, owner)
        if path is None:
            raise ApiProblem(503, "storage", "The bundle cannot be stored.")
        report = import_story(path, is_dry_run=is_dry_run)
    except BundleError as error:
        refused = refused_object(error, is_dry_run=is_dry_run)
        raise ApiProblem(
            422,
            "bundle",
            "The bundle was not imported: see `problems`.",
            problems=refused["problems"],
            more=error.more,
            warnings=refused["warnings"],
            warnings_left_out=refused["warnings_left_out"],
        ) from error
    except ImportFailed as error:
        raise ApiProblem(409, "import_failed", str(error)) from error
    finally:
        remove_bundle(kept, owner)
    if not is_dry_run:
        story = Story.objects.get(story_id=report.story_id)
        note(request, story, "Imported a bundle.")
    return report


@router.get(
    "/stories/{story_id}/export",
    response={200: bytes},
    **rights(READ, SEE_STORIES, SEE_RENDERS),
)
def export_story(
    request: HttpRequest, story_id: Path[Name], query: Query[ExportQuery]
) -> StreamingHttpResponse:
    """Send the export of a story for editors, as a zip."""
    export = plan_export(
        find_story(story_id),
        query.takes,
        [query.ending] if query.ending is not None else [],
        with_films=query.films,
    )
    response = StreamingHttpResponse(zip_chunks(export.files()), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, f"{export.folder}.zip")
    return response


def _out(stories: Collection[Story]) -> list[StoryOut]:
    counts = count_badges_by_story([each.pk for each in stories])
    return [
        StoryOut(
            story_id=each.story_id,
            title=each.title,
            scenelets=each.scenelet_count,  # type: ignore[attr-defined]
            shots=sum(counts[each.pk].values()),
            statuses=with_codes(counts[each.pk]),
            created_at=each.created_at,
            updated_at=each.updated_at,
        )
        for each in stories
    ]
