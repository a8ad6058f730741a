"""Turns a checked bundle into rows and picture files, all of them or none.

Importing twice changes nothing. The story is made as the bundle says; scenelets, shots and pictures
that the bundle no longer has are kept, because renders may have been made from them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db import DatabaseError, IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import ngettext

from storybook.documents import objects_in
from storybook.errors import BundleWarning, ImportFailed, PictureProblem
from storybook.media_store import media
from storybook.models import (
    DesignDocument,
    KeyFrame,
    Picture,
    Scenelet,
    Shot,
    Story,
    place_scenelets,
)
from storybook.picture_flaws import flaw_sentences
from storybook.picture_paths import normalise_path
from storybook.pictures import PictureStore, inspect_picture
from storybook.thumbnails import make_thumbnails
from storybook.uploads import KINDS

from .bundles import Bundle, BundledScenelet, BundledShot, open_bundle
from .effects import Effect, NamedShot, find_effects
from .image_folders import ImageFolder

# More threads gain nothing: decoding needs the processor, and each may hold a large picture.
THREADS = 4

MOST_UNNAMED = 100


@dataclass(frozen=True)
class Tally:
    """What happened to the rows of one kind."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    # The bundle says that they are gone.
    removed: int = 0
    # The bundle does not mention them any more.
    kept: int = 0


@dataclass(frozen=True)
class PictureWarning:
    path: str
    problem: str


@dataclass(frozen=True)
class GoneShot(NamedShot):
    # Whether an import before this one said so already.
    was_gone: bool = False


@dataclass(frozen=True)
class Health:
    """What the shots of the bundle have of what a video is made of."""

    shots: int = 0
    without_storyboard: int = 0
    missing_documents: tuple[str, ...] = ()
    designs: int = 0
    designs_with_picture: int = 0

    @property
    def can_be_rendered(self) -> int:
        return 0 if self.missing_documents else self.shots - self.without_storyboard


@dataclass(frozen=True)
class ImportReport:
    story_id: str
    title: str
    rows: dict[str, Tally]
    # Pictures that cannot be used.
    picture_warnings: tuple[PictureWarning, ...]
    # What was imported and nothing reads, what it names and is not there, pictures that are odd.
    warnings: tuple[BundleWarning, ...] = ()
    # How many warnings are not among them, because they are too many.
    warnings_left_out: int = 0
    # Shots that were imported before and that the bundle does not have.
    gone_shots: tuple[GoneShot, ...] = ()
    # What an import would mean for what was made of the story. Only a dry run looks.
    effects: tuple[Effect, ...] = ()
    # Keys that are kept and that nothing reads, each kind of place once.
    unread_keys: tuple[str, ...] = ()
    # The first files in the images folder that no document names, and how many there are.
    unnamed_files: tuple[str, ...] = ()
    unnamed_count: int = 0
    health: Health = field(default_factory=Health)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def import_story(
    path: Path,
    say: Callable[[str], None] = lambda sentence: None,
    *,
    is_dry_run: bool = False,
) -> ImportReport:
    """Import the bundle in a folder, in a zip or around a story.json.

    `say` gets a sentence before each long step. Raises BundleError or ImportFailed, and then
    leaves database and media as they were. So does a dry run, whose report says what an import
    would do.
    """
    say(f"Reading {path} …")
    with open_bundle(path) as bundle:
        return import_bundle(bundle, say, is_dry_run=is_dry_run)


def import_bundle(
    bundle: Bundle,
    say: Callable[[str], None] = lambda sentence: None,
    *,
    is_dry_run: bool = False,
) -> ImportReport:
    store = PictureStore(bundle.story_id)
    is_stored = False
    with _one_import_at_a_time():
        try:
            paths = bundle.picture_paths
            number = len(paths)
            say(ngettext("Checking %d picture …", "Checking %d pictures …", number) % number)
            folder = ImageFolder(bundle.folder, bundle.doubtful_names)
            facts = _collect_pictures(folder, paths, store)
            unnamed = folder.unnamed_files(paths)
            say("Writing the story …")
            with transaction.atomic():
                report = _write_rows(bundle, facts)
                if is_dry_run:
                    story = Story.objects.get(story_id=report.story_id)
                    report = replace(report, effects=tuple(find_effects(story)))
                # A dry run has written all of it, so it knows all that an import would say.
                transaction.set_rollback(is_dry_run)
            report = replace(
                report, unnamed_files=tuple(unnamed[:MOST_UNNAMED]), unnamed_count=len(unnamed)
            )
            is_stored = not is_dry_run
        except IntegrityError as error:
            raise ImportFailed(
                "The same story was changed by somebody else at the same moment. Import it again."
            ) from error
        except DatabaseError as error:
            raise ImportFailed(f"The database did not take the story: {error}") from error
        except OSError as error:
            where = "store (MEDIA_STORE_URL)" if media.is_remote else "folder (MEDIA_ROOT)"
            raise ImportFailed(
                f"The pictures cannot be stored in the {where} of the media: "
                f"{error.strerror or 'the disk does not take them'}."
            ) from error
        finally:
            if not is_stored:
                store.discard()
    if is_dry_run:
        return report
    say("Making thumbnails …")
    make_thumbnails(columns["file"] for columns in facts.values() if columns["file"])
    return report


@contextmanager
def _one_import_at_a_time() -> Iterator[None]:
    """Hold a lock of this host during an import.

    Two imports can share a picture file, and one that fails must not delete what the other is about
    to refer to. Across hosts only the database's constraints hold.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    try:
        os.makedirs(settings.MEDIA_ROOT, exist_ok=True)
        descriptor = os.open(settings.MEDIA_ROOT, os.O_RDONLY)
    except OSError as error:
        raise ImportFailed(
            f"The folder of the media (MEDIA_ROOT) cannot be used: {error.strerror}."
        ) from error
    try:
        # On a file system without locks only the database's constraints hold.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# -- Pictures --------------------------------------------------------------------------------------


def _collect_pictures(
    folder: ImageFolder, paths: list[str], store: PictureStore
) -> dict[str, dict[str, Any]]:
    """Store the usable pictures, and return the columns of each path's picture."""

    def collect(path: str) -> dict[str, Any]:
        columns = {
            "file": "",
            "mime_type": "",
            "byte_size": 0,
            "sha256": "",
            "width": 0,
            "height": 0,
            "problem": "",
            "flaws": [],
        }
        try:
            data = folder.read(path)
            facts = inspect_picture(data)
        except PictureProblem as problem:
            return columns | {"problem": str(problem)}
        return columns | asdict(facts) | {"file": store.store(path, data, facts.sha256)}

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as threads:
        futures = [threads.submit(collect, path) for path in paths]
        try:
            return {path: future.result() for path, future in zip(paths, futures, strict=True)}
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


# -- Rows ------------------------------------------------------------------------------------------


def _write_rows(bundle: Bundle, facts: dict[str, dict[str, Any]]) -> ImportReport:
    tallies: dict[str, Counter[str]] = {}
    story = _write_story(bundle, tallies)
    _write_design_documents(story, bundle, tallies)
    scenelets = _write_scenelets(story, bundle.scenelets, tallies)
    pictures = _write_pictures(story, facts, tallies)
    shots, gone = _write_shots(story, scenelets, bundle.scenelets, tallies)
    _write_key_frames(story, shots, pictures, tallies)
    warnings = list(bundle.warnings)
    for path, columns in facts.items():
        warnings += [
            BundleWarning(path, flaw["code"], sentence)
            for flaw, sentence in zip(
                columns["flaws"], flaw_sentences(columns["flaws"]), strict=True
            )
        ]
    return ImportReport(
        story_id=story.story_id,
        title=story.title,
        rows={kind: Tally(**tally) for kind, tally in tallies.items()},
        picture_warnings=tuple(
            PictureWarning(path, columns["problem"])
            for path, columns in facts.items()
            if columns["problem"]
        ),
        warnings=tuple(warnings),
        warnings_left_out=bundle.warnings.left_out,
        unread_keys=bundle.warnings.unread_keys,
        gone_shots=gone,
        health=_health(bundle, facts),
    )


def _health(bundle: Bundle, facts: dict[str, dict[str, Any]]) -> Health:
    shots = [shot for scenelet in bundle.scenelets for shot in scenelet.shots]
    documents = {
        "visual": bundle.visual_design_document,
        "audio": bundle.audio_design_document,
    }
    visual = bundle.visual_design_document or {}
    paths = [
        normalise_path(path) if isinstance(path := design.get(kind.path_key), str) else ""
        for kind in KINDS.values()
        for design in objects_in(visual.get(kind.list_key))
    ]
    return Health(
        shots=len(shots),
        without_storyboard=sum(not shot.storyboard_payload for shot in shots),
        missing_documents=tuple(kind for kind, each in documents.items() if not each),
        designs=len(paths),
        designs_with_picture=sum(bool(facts.get(path, {}).get("file")) for path in paths),
    )


def _write_story(bundle: Bundle, tallies: dict[str, Counter[str]]) -> Story:
    tally = tallies["stories"] = Counter()
    # The row is locked, so a second import of the story on another host waits here.
    story = Story.objects.select_for_update(no_key=True).filter(story_id=bundle.story_id).first()
    if story is None:
        story = Story.objects.create(story_id=bundle.story_id, title=bundle.title)
        tally["created"] += 1
    elif story.title != bundle.title:
        story.title = bundle.title
        story.save(update_fields=["title", "updated_at"])
        tally["updated"] += 1
    else:
        tally["unchanged"] += 1
    return story


def _write_design_documents(story: Story, bundle: Bundle, tallies: dict[str, Counter[str]]) -> None:
    tally = tallies["design_documents"] = Counter()
    found = {row.kind: row for row in DesignDocument.objects.filter(story=story)}
    for kind, document in (
        (DesignDocument.Kind.VISUAL, bundle.visual_design_document),
        (DesignDocument.Kind.AUDIO, bundle.audio_design_document),
    ):
        row = found.get(kind)
        if document is None:
            if row:
                row.delete()
                tally["removed"] += 1
        elif row is None:
            DesignDocument.objects.create(story=story, kind=kind, document=document)
            tally["created"] += 1
        elif _is_same(row, "document", document):
            tally["unchanged"] += 1
        else:
            row.document = document
            row.save(update_fields=["document", "updated_at"])
            tally["updated"] += 1


def _write_scenelets(
    story: Story, bundled: Iterable[BundledScenelet], tallies: dict[str, Counter[str]]
) -> dict[str, Scenelet]:
    wanted = {
        scenelet.scenelet_id: {
            "sequence": scenelet.sequence,
            "title": scenelet.title,
            "description": scenelet.description,
            "choice_label": scenelet.choice_label,
            "choice_prompt": scenelet.choice_prompt,
            "is_branch_point": scenelet.is_branch_point,
            "is_terminal": scenelet.is_terminal,
        }
        for scenelet in bundled
    }
    found = {row.scenelet_id: row for row in Scenelet.objects.filter(story=story).order_by()}
    old_parents = {row.pk: row.parent_id for row in found.values()}
    rows, tally, changed = _upsert(
        Scenelet, found, wanted, lambda scenelet_id: {"story": story, "scenelet_id": scenelet_id}
    )
    # In the bundle a parent can come after its branch, so all rows must exist first.
    moved = []
    for scenelet in bundled:
        row = rows[scenelet.scenelet_id]
        parent = rows[scenelet.parent_scenelet_id] if scenelet.parent_scenelet_id else None
        if row.parent_id != (parent and parent.pk):
            row.parent = parent
            moved.append(row)
    Scenelet.objects.bulk_update(moved, ["parent"])
    if changed or moved or tally["created"]:
        place_scenelets(story.pk)
    also_moved = sum(row.pk in old_parents and row.pk not in changed for row in moved)
    tally["updated"] += also_moved
    tally["unchanged"] -= also_moved
    tallies["scenelets"] = tally
    return rows


def _write_pictures(
    story: Story, facts: dict[str, dict[str, Any]], tallies: dict[str, Counter[str]]
) -> dict[str, Picture]:
    found = {row.path: row for row in Picture.objects.filter(story=story).order_by()}
    rows, tallies["pictures"], _ = _upsert(
        Picture, found, facts, lambda path: {"story": story, "path": path}
    )
    return rows


def _write_shots(
    story: Story,
    scenelets: dict[str, Scenelet],
    bundled: Iterable[BundledScenelet],
    tallies: dict[str, Counter[str]],
) -> tuple[list[tuple[Shot, BundledShot]], tuple[GoneShot, ...]]:
    """Returns the shots of the bundle, and those that it does not have (any more)."""
    wanted = {
        (scenelets[scenelet.scenelet_id].pk, shot.shot_index): shot
        for scenelet in bundled
        for shot in scenelet.shots
    }
    found = {
        (row.scenelet_id, row.shot_index): row
        for row in Shot.objects.filter(scenelet__story=story).select_related("scenelet")
    }
    rows, tallies["shots"], _ = _upsert(
        Shot,
        found,
        {
            key: {"storyboard_payload": shot.storyboard_payload, "gone_since": None}
            for key, shot in wanted.items()
        },
        lambda key: {"scenelet_id": key[0], "shot_index": key[1]},
    )
    gone = [row for key, row in found.items() if key not in wanted]
    if new := [row.pk for row in gone if row.gone_since is None]:
        Shot.objects.filter(pk__in=new).update(gone_since=timezone.now())
    names = tuple(
        GoneShot(**asdict(NamedShot.of(row)), was_gone=row.gone_since is not None) for row in gone
    )
    return [(rows[key], shot) for key, shot in wanted.items()], names


def _write_key_frames(
    story: Story,
    shots: list[tuple[Shot, BundledShot]],
    pictures: dict[str, Picture],
    tallies: dict[str, Counter[str]],
) -> None:
    wanted = {
        (shot.pk, position): {"picture_id": pictures[path].pk}
        for shot, bundled in shots
        for position, path in enumerate(bundled.key_frame_paths, start=1)
    }
    in_bundle = {shot.pk for shot, _ in shots}
    found = {
        (row.shot_id, row.position): row
        for row in KeyFrame.objects.filter(shot__scenelet__story=story).order_by()
    }
    gone = [row.pk for key, row in found.items() if key not in wanted and row.shot_id in in_bundle]
    KeyFrame.objects.filter(pk__in=gone).delete()
    _, tally, _ = _upsert(
        KeyFrame, found, wanted, lambda key: {"shot_id": key[0], "position": key[1]}
    )
    tally["removed"] += len(gone)
    tally["kept"] -= len(gone)
    tallies["key_frames"] = tally


def _upsert(
    model: type[models.Model],
    found: dict[Any, Any],
    wanted: dict[Any, dict[str, Any]],
    identity: Callable[[Any], dict[str, Any]],
) -> tuple[dict[Any, Any], Counter[str], set[int]]:
    """Create and update rows in a handful of queries.

    Returns the wanted rows by key, the counts, and the primary keys of the rows that it changed.
    """
    created = {
        key: model(**identity(key), **columns)
        for key, columns in wanted.items()
        if key not in found
    }
    changed = []
    columns_changed: set[str] = set()
    for key, columns in wanted.items():
        if key not in found:
            continue
        row = found[key]
        different = {name for name, value in columns.items() if not _is_same(row, name, value)}
        for name in different:
            setattr(row, name, columns[name])
        if different:
            changed.append(row)
            columns_changed |= different
    rows_of_model = model._default_manager
    rows_of_model.bulk_create(created.values())
    if changed:
        rows_of_model.bulk_update(changed, sorted(columns_changed))
    rows = {key: created[key] if key in created else found[key] for key in wanted}
    tally = Counter(
        created=len(created),
        updated=len(changed),
        unchanged=len(wanted) - len(created) - len(changed),
        kept=len(found.keys() - wanted.keys()),
    )
    return rows, tally, {row.pk for row in changed}


def _is_same(row: models.Model, name: str, value: Any) -> bool:
    """Compare values as they are stored.

    Python takes {"a": 1, "b": 2} in another order as equal, and so 1, 1.0 and true. In a prompt
    they differ.
    """
    if name.endswith("_id"):
        return getattr(row, name) == value
    field = cast("models.Field[Any, Any]", row._meta.get_field(name))
    return field.get_prep_value(getattr(row, name)) == field.get_prep_value(value)
