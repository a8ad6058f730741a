"""Bring a story back from its archive: its files, then all of its rows in one transaction.

Until that transaction ends nobody sees anything of it. Whoever is killed before has left files that
no row names, and the next restore finds them there.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    close_old_connections,
    connection,
    models,
)
from django.db.models import Sum
from django.db.transaction import atomic, set_rollback

from storybook.media_store import media, partial_folder
from storybook.models import Shot, Story
from videogen.billing.budgets import lock_budgets
from videogen.models import (
    Candidate,
    KeptCharge,
    RenderBatch,
    Submission,
    VideoRender,
    WipedStory,
)
from videogen.models.batches import lock_numbers, next_number
from videogen.models.shot_status import keep_standings
from videogen.models.states import MAY_COST

from .archive_file import MEDIA, ArchiveFile, Entry, Manifest, not_an_archive, open_archive
from .errors import ArchiveError
from .leftovers import named_by_rows
from .rows import RowReader, Unreadable, in_batches
from .story_lock import StoryLock, alone, storage_error
from .tables import TABLES, Table


@dataclass
class Restored:
    """What a restore did, or would do.

    files: those that it put. found: those that were there already. missing_people: user names that
    nobody has here; where a row keeps a name, it still has it. other_prices: prices that the list
    does not have. renumbered: batches whose number was taken, by the old number. story: the primary
    key that the story gets.
    """

    story_id: str
    title: str
    rows: dict[str, int]
    files: int = 0
    found: int = 0
    charges: int = 0
    kept_charges: int = 0
    missing_files: tuple[str, ...] = ()
    missing_people: list[str] = field(default_factory=list)
    other_prices: list[str] = field(default_factory=list)
    renumbered: dict[int, int] = field(default_factory=dict)
    story: int | None = None


def restore_story(path: Path, *, is_dry_run: bool = False) -> Restored:
    """Restore the story of the archive. Raises ArchiveError; nothing was changed then.

    is_dry_run: read and check all of it, and store the rows in a transaction that is rolled back.
    """
    with open_archive(path) as archive:
        manifest = archive.manifest
        _refuse_known(manifest)
        archive.verify(media=is_dry_run)
        restored = Restored(
            manifest.story_id, manifest.title, manifest.rows, missing_files=manifest.missing
        )
        with alone(manifest.story_id) as lock:
            # Somebody else may have restored it since.
            _refuse_known(manifest)
            files = _Files(archive, lock)
            if is_dry_run:
                restored.files, restored.found = files.count()
                _insert(archive, restored, is_dry_run=True)
                return restored
            try:
                restored.files, restored.found = files.put()
                _refuse_lost(lock, manifest)
                _insert(archive, restored, is_dry_run=False)
            except BaseException:
                files.remove(restored.story)
                raise
    return restored


def _refuse_known(manifest: Manifest) -> None:
    if Story.objects.filter(story_id=manifest.story_id).exists():
        raise ArchiveError(
            f"The story {manifest.story_id} is here already. Nothing was changed.", code="exists"
        )


def _refuse_lost(lock: StoryLock, manifest: Manifest) -> None:
    """Raise ArchiveError if somebody else may restore or wipe the story by now."""
    if not lock.is_held():
        raise ArchiveError(
            f"The database has let go of the lock of the story {manifest.story_id}, because the "
            "connection broke. Nothing is to be seen of the story; run it again.",
            code="storage",
        )


# -- files -----------------------------------------------------------------------------------------


class _Files:
    def __init__(self, archive: ArchiveFile, lock: StoryLock) -> None:
        self._archive = archive
        self._lock = lock
        self._put: list[str] = []

    def put(self) -> tuple[int, int]:
        """Put every file where it belongs, and nothing in the place of another file. Return how
        many were put, and how many were there already. Raises ArchiveError."""
        entries = self._archive.manifest.media
        try:
            missing = [each for each in entries if not self._is_there(each)]
            needed = sum(each.size for each in missing)
            if not media.is_remote and shutil.disk_usage(partial_folder()).free < needed:
                raise ArchiveError(
                    f"{needed / 1e9:.1f} GB of files are to be stored, and the disk has less room. "
                    "Nothing was changed.",
                    code="storage",
                )
            for entry in missing:
                self._put_one(entry)
        except OSError as error:
            raise storage_error(error) from error
        return len(missing), len(entries) - len(missing)

    def count(self) -> tuple[int, int]:
        entries = self._archive.manifest.media
        try:
            found = sum(map(self._is_there, entries))
        except OSError as error:
            raise storage_error(error) from error
        return len(entries) - found, found

    def remove(self, story: int | None) -> None:
        """Remove what was put, and only that. All stays if the story is here: the database may have
        stored it although its answer did not come. What rows name stays, because somebody may have
        imported the story meanwhile. Without the lock all stays, because somebody else may have
        found it there.

        story: the primary key that the story was to get."""
        if not self._lock.is_held():
            return
        try:
            if not connection.in_atomic_block:
                # One that broke is replaced by a new one.
                close_old_connections()
            if story is not None and Story.objects.filter(pk=story).exists():
                return
            named = named_by_rows(self._put)
        except DatabaseError:
            # Nobody can tell. The next restore finds the files.
            return
        for name in self._put:
            if name not in named:
                with suppress(OSError):
                    media.delete(name)

    def _is_there(self, entry: Entry) -> bool:
        name = entry.name.removeprefix(MEDIA)
        try:
            size = media.size(name)
        except FileNotFoundError:
            return False
        if size != entry.size or media.sha256(name) != entry.sha256:
            raise ArchiveError(
                f"There is another file under the name {name}. Nothing was changed.",
                code="file_differs",
            )
        return True

    def _put_one(self, entry: Entry) -> None:
        name = entry.name.removeprefix(MEDIA)
        part = partial_folder() / f"media-{secrets.token_hex(8)}.part"
        try:
            with part.open("xb") as file:
                for chunk in self._archive.chunks(entry.name):
                    file.write(chunk)
            # Before it is put: a kill in between must not leave it to nobody.
            self._put.append(name)
            media.put(name, part, sha256=entry.sha256)
        finally:
            part.unlink(missing_ok=True)


# -- rows ------------------------------------------------------------------------------------------


def _insert(archive: ArchiveFile, restored: Restored, *, is_dry_run: bool) -> None:
    try:
        with atomic():
            # No claim may count the ledger while charges move from one table to the other.
            lock_budgets()
            lock_numbers()
            _Inserting(archive, restored).run()
            if is_dry_run:
                connection.check_constraints()
                set_rollback(True)
    except (IntegrityError, ValueError) as error:
        # Nobody else restores it, but somebody may have imported a story of this name.
        _refuse_known(archive.manifest)
        raise _not_accepted(error) from error
    except OperationalError as error:
        raise ArchiveError(
            f"The database did not take it ({error}). Nothing was changed.", code="storage"
        ) from error
    except DatabaseError as error:
        raise _not_accepted(error) from error


def _not_accepted(error: Exception) -> ArchiveError:
    words = str(error).partition("\n")[0]
    return ArchiveError(
        f"The database does not take the archive's rows ({words}). Nothing was changed.",
        code="not_accepted",
    )


class _Inserting:
    def __init__(self, archive: ArchiveFile, restored: Restored) -> None:
        self._archive = archive
        self._restored = restored
        self._keys = {each.model: _new_keys(each, archive.manifest) for each in TABLES}
        restored.story = self._keys[Story].get(1)
        self._reader = RowReader(self._keys)
        # Batches whose number was taken: the primary key and the number.
        self._renumbered: list[tuple[int, int]] = []

    def run(self) -> None:
        for table in TABLES:
            numbered = enumerate(self._archive.lines(table), start=1)
            for some in in_batches(numbered):
                self._store(table, [self._row(table, *each) for each in some])
        self._derive()
        self._check()
        self._take_over_charges()
        self._restored.missing_people = sorted(self._reader.missing_people)
        self._restored.other_prices = sorted(self._reader.other_prices)

    def _row(self, table: Table, number: int, values: Any) -> tuple[Any, dict[str, list[int]]]:
        try:
            row, lists = self._reader.row(table, values)
        except Unreadable as error:
            words = f"{table.label}, line {number}: {error}"
            raise not_an_archive(words) from error
        if isinstance(table.model._meta.pk, models.AutoField):
            row.pk = self._keys[table.model].get(number)
            if row.pk is None:
                raise not_an_archive(f"{table.label}: more rows than the manifest says")
        return row, lists

    def _store(self, table: Table, found: list[tuple[Any, dict[str, list[int]]]]) -> None:
        rows = [row for row, _ in found]
        if table.model is RenderBatch:
            self._give_numbers(rows)
        if table.model is Submission:
            self._refuse_charged(rows)
        if table.model is Candidate:
            rows = [each for each in rows if not self._is_known(each)]
        # These columns are those of the archive; Django writes the time of today into them.
        own_times = [
            each.name
            for each in table.columns
            if getattr(each, "auto_now", False) or getattr(each, "auto_now_add", False)
        ]
        times = [{name: getattr(row, name) for name in own_times} for row in rows]
        # A plain queryset: what is derived is derived once, in the end.
        plain: models.QuerySet[Any] = models.QuerySet(table.model)
        plain.bulk_create(rows)
        if own_times:
            for row, values in zip(rows, times, strict=True):
                plain.filter(pk=row.pk).update(**values)
        for row, lists in found:
            for name, keys in lists.items():
                if keys:
                    getattr(row, name).set(keys)

    def _give_numbers(self, batches: list[RenderBatch]) -> None:
        numbers = [each.number for each in batches]
        taken = RenderBatch.objects.filter(number__in=numbers).values_list("number", flat=True)
        found = set(taken)
        for each in batches:
            if each.number is not None and each.number in found:
                self._renumbered.append((each.pk, each.number))
                each.number = None

    def _refuse_charged(self, submissions: list[Submission]) -> None:
        tokens = [each.token for each in submissions]
        if Submission.objects.filter(token__in=tokens).exists():
            raise ArchiveError(
                "The ledger has charges of this archive already, under another story. Nothing was "
                "changed.",
                code="charged_here",
            )
        self._restored.charges += len(tokens)

    def _is_known(self, candidate: Candidate) -> bool:
        """Whether the account's lists have it already. It then belongs to its render again."""
        known = Candidate.objects.filter(lane=candidate.lane_id, name=candidate.name)
        known.filter(render=None).update(render=candidate.render_id, status=candidate.status)
        return known.exists()

    def _derive(self) -> None:
        for pk, number in self._renumbered:
            given = next_number()
            RenderBatch.objects.filter(pk=pk).update(number=given)
            self._restored.renumbered[number] = given
        for some in in_batches(self._keys[VideoRender].values()):
            VideoRender.objects.filter(pk__in=some).settle()
        for some in in_batches(self._keys[Shot].values()):
            with_renders = VideoRender.objects.filter(shot__in=some).values("shot").distinct()
            shots = set(with_renders.order_by().values_list("shot", flat=True))
            keep_standings(shots, VideoRender._base_manager)

    def _check(self) -> None:
        """Refuse rows that no archive has, such as one that would be sent and paid for."""
        manifest = self._archive.manifest
        if manifest.rows.get("storybook.story") != 1:
            raise not_an_archive("it does not have one story")
        story = self._keys[Story][1]
        if not Story.objects.filter(pk=story, story_id=manifest.story_id).exists():
            raise not_an_archive("its story is not the one of its manifest")
        for table in TABLES:
            expected = manifest.rows.get(table.label, 0)
            if not table.stays and table.rows(story).count() != expected:
                raise not_an_archive(f"{table.label}: it has rows that no archive has")
        open_charges = Submission.objects.filter(
            render__shot__scenelet__story=story, outcome=Submission.Outcome.CLAIMED
        )
        if open_charges.exists():
            raise not_an_archive("it has a submission that is not answered")

    def _take_over_charges(self) -> None:
        """Remove the kept charges whose submissions are back, so that nothing counts twice."""
        story_id = self._archive.manifest.story_id
        submissions = Submission.objects.filter(render__shot__scenelet__story__story_id=story_id)
        # From here on, an answer of the API finds the submission, and not the charge that goes.
        kept = KeptCharge.objects.filter(token__in=submissions.order_by().values("token"))
        list(kept.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        for late in kept.answered_late():
            submissions.filter(token=late.token).update(
                outcome=late.outcome, operation_name=late.operation_name
            )
        back = submissions.filter(token__in=KeptCharge.objects.values("token"))
        if _may_cost_usd(back) < _may_cost_usd(kept):
            raise not_an_archive("less was spent in it than is known here")
        self._restored.kept_charges = kept.count()
        kept.delete()
        WipedStory.objects.filter(story_id=story_id, charges=None).delete()


def _may_cost_usd(charges: models.QuerySet[Any]) -> Decimal:
    found = charges.order_by().filter(outcome__in=MAY_COST).aggregate(usd=Sum("price_usd"))
    return Decimal(found["usd"] or 0).quantize(Decimal("0.01"))


def _new_keys(table: Table, manifest: Manifest) -> dict[int, int]:
    """Return new primary keys by the numbers of the table's rows, in the same order. None where the
    archive has the key itself."""
    key = table.model._meta.pk
    count = manifest.rows.get(table.label, 0)
    if not isinstance(key, models.AutoField) or count < 1:
        return {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [table.model._meta.db_table, key.column, count],
            )
            keys = sorted(each for (each,) in cursor.fetchall())
        else:
            # The database gives no key twice, also not those of rows that are gone.
            cursor.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = %s", [table.model._meta.db_table]
            )
            first = (cursor.fetchone() or (0,))[0]
            keys = list(range(first + 1, first + 1 + count))
    return dict(enumerate(keys, start=1))
