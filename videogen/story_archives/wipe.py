"""Remove a story that an archive has: its rows in one transaction, then its files.

What it may have cost stays, as kept charges: a wipe gives no budget and no quota back. What was
paid for and has not ended keeps a story from being wiped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.db.models import Max, Sum
from django.utils.translation import ngettext

from storybook.media_store import media
from storybook.models import Story
from storybook.paths import safe_name
from videogen.billing.budgets import lock_budgets
from videogen.common.db_retry import gave_way
from videogen.models import (
    Film,
    KeptCharge,
    ShotStanding,
    Submission,
    VideoRender,
    WipedStory,
)
from videogen.models.outcomes import entries
from videogen.models.states import MAY_COST, OPEN, STUCK
from videogen.takes.storage import kept_path

from .archive import Archived, kept_downloads, own_files, rows_sha256
from .archive_file import MEDIA, rows_name
from .errors import ArchiveError
from .leftovers import named_by_rows
from .rows import RowWriter, in_batches
from .story_lock import StoryLock, alone
from .tables import TABLES


@dataclass(frozen=True)
class Wiped:
    """charges: how many submissions were kept for the budgets. spent_usd: what they may have cost.
    left: files that could not be removed, which does no harm."""

    files: int
    charges: int
    spent_usd: Decimal
    left: tuple[str, ...] = ()


def refuse_open_work(story: Story) -> None:
    """Raise ArchiveError if the story may not be wiped now. Asks the object store, so it must not
    be called within a transaction."""
    _refuse_open_rows(story)
    if kept := kept_downloads(story):
        names = ", ".join(str(kept_path(f"render-{each}")) for each in kept)
        raise ArchiveError(
            f"The story {story.story_id} is not wiped: downloads of it are kept that could not "
            "become takes, and no archive has them. Save them from the pages of their takes, then "
            f"remove them from the media: {names}.",
            code="open_work",
        )


def _refuse_open_rows(story: Story) -> None:
    renders = VideoRender.objects.filter(shot__scenelet__story=story)
    told = []
    if number := renders.filter(state__in=sorted(OPEN)).count():
        told.append(
            ngettext("%d render queued or in flight", "%d renders queued or in flight", number)
            % number
        )
    if number := renders.filter(state__in=sorted(STUCK)).count():
        told.append(
            ngettext("%d render in need of a decision", "%d renders in need of a decision", number)
            % number
        )
    if number := story.films.filter(status__in=Film.OPEN).count():
        told.append(
            ngettext("%d film queued or in the making", "%d films queued or in the making", number)
            % number
        )
    if told:
        raise ArchiveError(
            f"The story {story.story_id} is not wiped: it has {', '.join(told)}. Wait for what "
            "is in flight, and decide on the page “Unresolved” about the rest.",
            code="open_work",
        )


def wipe_story(story: Story, archived: Archived) -> Wiped:
    """Remove the story's rows and files. Raises ArchiveError if the story is not as the archive has
    it: nothing is removed then."""
    refuse_open_work(story)
    with alone(story.story_id) as lock:
        try:
            with _one_moment():
                Story.objects.select_for_update().get(pk=story.pk)
                lock_budgets()
                _refuse_open_rows(story)
                _refuse_changes(story, archived)
                charges, spent = _keep_charges(story, archived)
                _delete_rows(story)
        except (IntegrityError, Story.DoesNotExist) as error:
            # A row that came meanwhile refers to one that was removed.
            raise _changed() from error
        except OperationalError as error:
            if gave_way(error):
                raise _changed() from error
            raise ArchiveError(
                f"The database did not do it, or its answer did not come ({error}). Look whether "
                "the story is still here; if it is not, manage.py doctor names files that it left.",
                code="storage",
            ) from error
        files, left = _delete_files(story, archived, lock)
    return Wiped(files, charges, spent, tuple(left))


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction that removes what it has read and nothing else: it fails if somebody writes one
    of these rows at the same time. SQLite lets nobody else write."""
    is_own = not connection.in_atomic_block
    with transaction.atomic():
        if is_own and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _changed() -> ArchiveError:
    return ArchiveError(
        "The story has changed since it was archived, so it was not wiped. Archive it again, to "
        "another file.",
        code="changed",
    )


def _refuse_changes(story: Story, archived: Archived) -> None:
    was = {each.name: each.sha256 for each in archived.manifest.entries}
    rows = RowWriter(story.pk)
    for table in TABLES:
        if rows_sha256(table, rows) != was.get(rows_name(table)):
            raise _changed()


def _keep_charges(story: Story, archived: Archived) -> tuple[int, Decimal]:
    last = story.render_batches.aggregate(last=Max("number"))["last"]
    wiped = WipedStory.objects.create(
        story_id=story.story_id,
        title=story.title,
        archive_name=archived.path.name[-500:],
        archive_sha256=archived.sha256,
        last_batch_number=last or 0,
    )
    rows = entries(Submission.objects.filter(render__shot__scenelet__story=story))
    rows = rows.select_related("render").defer("render__prompt_text", "render__references")
    number = 0
    for some in in_batches(rows.order_by().iterator()):
        number += len(KeptCharge.objects.bulk_create(_kept(wiped, each) for each in some))
    spent = wiped.charges.filter(outcome__in=MAY_COST).aggregate(usd=Sum("price_usd"))["usd"]
    return number, Decimal(spent or 0).quantize(Decimal("0.01"))


def _kept(wiped: WipedStory, submission: Submission) -> KeptCharge:
    render = submission.render
    is_of_render = submission.outcome in MAY_COST
    return KeptCharge(
        token=submission.token,
        story=wiped,
        lane_id=submission.lane_id,
        requested_by_id=render.requested_by_id,
        requested_by_name=render.requested_by_name,
        queued_at=render.queued_at,
        claimed_at=submission.claimed_at,
        answered_at=submission.answered_at,
        outcome=submission.outcome,
        price_usd=submission.price_usd,
        actual_cost_usd=submission.actual_usd,  # type: ignore[attr-defined]
        is_simulated=render.is_simulated,
        operation_name=submission.operation_name or (render.operation_name * is_of_render),
        download_uri=render.download_uri * is_of_render,
    )


def _delete_rows(story: Story) -> None:
    """Delete the rows that were read, and nothing in their wake: a row that is not known here keeps
    the story from being wiped."""
    for table in reversed(TABLES):
        rows = table.all_rows(story.pk)
        if table.stays:
            rows.update(render=None)
            continue
        for each in table.lists:
            through: models.QuerySet[Any] = models.QuerySet(each.remote_field.through)
            _raw_delete(through.filter(**{f"{each.m2m_field_name()}__in": rows.order_by()}))
        if table.model is VideoRender:
            _raw_delete(models.QuerySet(ShotStanding).filter(shot__scenelet__story=story))
        _raw_delete(rows)


def _raw_delete(rows: models.QuerySet) -> None:
    rows._raw_delete(rows.db)


def _delete_files(story: Story, archived: Archived, lock: StoryLock) -> tuple[int, list[str]]:
    """Delete what the archive has and what can be made again. Another file stays."""
    names = [each.name.removeprefix(MEDIA) for each in archived.manifest.media]
    left: list[str] = []
    try:
        names += own_files(story.story_id, derived=True)
    except ArchiveError:
        left.append(safe_name(story.story_id))
    removed = 0
    for some in in_batches(names):
        if not lock.is_held():
            # Somebody may be restoring the story, and count on them.
            left += some
            continue
        in_use = named_by_rows(some)
        for name in some:
            if name in in_use:
                continue
            try:
                media.delete(name)
                removed += 1
            except OSError:
                left.append(name)
    folder = Path(settings.MEDIA_ROOT, safe_name(story.story_id), "films", "segments")
    shutil.rmtree(folder, ignore_errors=True)
    return removed, left
