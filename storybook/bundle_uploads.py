"""Bundles that were uploaded in a browser and wait for somebody to look at their report."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

KEPT_SECONDS = 24 * 3600
_token = re.compile(r"[0-9a-f]{32}")


def keep_bundle(file: UploadedFile, owner: int) -> str:
    """Store the zip where nobody but this program reads it, and return the token with which its
    owner, a user, finds it. Bundles of former days are removed. Raises OSError."""
    remove_old_bundles()
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    with _path(token, owner).open("xb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return token


def find_bundle(token: str, owner: int) -> Path | None:
    """Return the zip of the token, or None if its owner has none (any more)."""
    path = _path(token, owner)
    return path if _token.fullmatch(token) and path.is_file() else None


def remove_bundle(token: str, owner: int) -> None:
    if path := find_bundle(token, owner):
        path.unlink(missing_ok=True)


def remove_old_bundles() -> None:
    old = time.time() - KEPT_SECONDS
    for path in _folder().glob("*.zip"):
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)


def _path(token: str, owner: int) -> Path:
    return _folder() / f"{token}-{owner}.zip"


def _folder() -> Path:
    return Path(settings.STATE_DIR) / "imports"
