"""What the commands about story archives tell, in words and as objects for programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.translation import ngettext

from videogen.common.formats import usd
from videogen.story_archives.archive import Archived
from videogen.story_archives.archive_file import Manifest
from videogen.story_archives.restore import Restored
from videogen.story_archives.wipe import Wiped

NEVER = (
    "Never in an archive: accounts (people stand in it by their user names), keys, API tokens, "
    "addresses and passphrases of guest links, what follows a “?” in links that people gave, and "
    "the admin's history of changes."
)


def left_out_in_words(manifest: Manifest) -> Iterator[str]:
    for code, number in (manifest.left_out or {}).items():
        if code == "open_renders":
            what = ngettext(
                "%d render that is queued or in flight",
                "%d renders that are queued or in flight",
                number,
            )
        elif code == "draft_batches":
            what = ngettext("%d draft batch", "%d draft batches", number)
        elif code == "kept_downloads":
            what = ngettext(
                "%d download that could not become a take",
                "%d downloads that could not become takes",
                number,
            )
        else:
            what = f"%d of {code}"
        yield f"Left out: {what % number}."


def rows_in_words(renders: int, submissions: int, files: int) -> list[str]:
    return [
        ngettext("%d render", "%d renders", renders) % renders,
        ngettext("%d submission", "%d submissions", submissions) % submissions,
        ngettext("%d file", "%d files", files) % files,
    ]


def wiped_in_words(wiped: Wiped, path: Path) -> Iterator[str]:
    kept = ngettext(
        "%d submission with %s still counts", "%d submissions with %s still count", wiped.charges
    )
    yield (
        f"The story was wiped. {kept % (wiped.charges, usd(wiped.spent_usd))} for budgets and "
        f"quotas. To have the story back: manage.py restore_story {path}"
    )
    for name in wiped.left:
        yield f"This file could not be removed: {name}"


def archived_object(archived: Archived, wiped: Wiped | None) -> dict[str, Any]:
    manifest = archived.manifest
    return {
        "story_id": manifest.story_id,
        "file": str(archived.path),
        "bytes": archived.bytes,
        "sha256": archived.sha256,
        "rows": manifest.rows,
        "files": len(manifest.media),
        "missing_files": list(manifest.missing),
        "left_out": manifest.left_out or {},
        "people": list(archived.people),
        "wiped": wiped
        and {
            "files": wiped.files,
            "files_left": list(wiped.left),
            "submissions": wiped.charges,
            "spent_usd": str(wiped.spent_usd),
        },
    }


def restored_object(restored: Restored, *, is_dry_run: bool) -> dict[str, Any]:
    return {
        "story_id": restored.story_id,
        "is_dry_run": is_dry_run,
        "rows": restored.rows,
        "files_put": restored.files,
        "files_found": restored.found,
        "missing_files": list(restored.missing_files),
        "submissions": restored.charges,
        "kept_charges_taken_back": restored.kept_charges,
        "missing_people": restored.missing_people,
        "missing_prices": restored.other_prices,
        "renumbered_batches": {str(old): new for old, new in restored.renumbered.items()},
    }


def restored_in_words(restored: Restored, *, is_dry_run: bool) -> Iterator[str]:
    rows = restored.rows
    told = ", ".join(rows_in_words(rows["videogen.videorender"], restored.charges, restored.files))
    yield (
        f"{restored.title or restored.story_id}: {told} stored, "
        f"{restored.found} found here already."
    )
    if restored.kept_charges:
        again = ngettext(
            "%d kept charge is a submission again",
            "%d kept charges are submissions again",
            restored.kept_charges,
        )
        yield f"{again % restored.kept_charges}: nothing counts twice."
    if restored.missing_people:
        yield (
            "Nobody here has these user names, so the rows only keep the names: "
            f"{', '.join(restored.missing_people)}."
        )
    for price in restored.other_prices:
        yield f"The list of prices does not have {price}. The renders keep what they cost."
    for old, new in restored.renumbered.items():
        yield f"Batch {old} is batch {new} here: its number was taken."
    for name in restored.missing_files:
        yield f"The archive did not have this file: {name}"
    if links := rows.get("videogen.guestlink"):
        words = ngettext(
            "%d guest link came back revoked: make a new one where needed.",
            "%d guest links came back revoked: make new ones where needed.",
            links,
        )
        yield words % links
    if is_dry_run:
        yield "Nothing was changed: this was a dry run."
