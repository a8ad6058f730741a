"""The meaning of a document's image path."""

from __future__ import annotations

import hashlib
import re

LONGEST_PATH = 1000  # of Picture.path

_exporters_prefixes = (
    ("apps", "story-tree-ui", "public", "generated"),
    ("generated",),
)


def normalise_path(path: str) -> str:
    """Return a document's image path as it is stored in `Picture.path`.

    The path is below the bundle's image folder, without the exporter's prefixes. Normalising it
    twice changes nothing. Whether it may be opened is what `path_refusal` says.
    """
    if _data_address.match(path):
        return _short_data_address(path)
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    while prefix := next((p for p in _exporters_prefixes if tuple(parts[: len(p)]) == p), None):
        parts = parts[len(prefix) :]
    # PostgreSQL cannot store NUL, so the row of a refused path shows a symbol for it.
    normalised = "/".join(parts).replace("\0", "␀")
    if len(normalised) > LONGEST_PATH:
        mark = hashlib.sha256(normalised.encode()).hexdigest()[:8]
        normalised = f"{normalised[: LONGEST_PATH - 9]}…{mark}"
    return normalised


_data_address = re.compile(r"\s*data:", re.IGNORECASE)
_shortened = re.compile(r"data:[^,]*,…[0-9a-f]{8}")


def _short_data_address(path: str) -> str:
    """Return the beginning of a picture that stands in a document, and a mark of its content."""
    if _shortened.fullmatch(path):
        return path
    kind = path.strip()[5:].partition(",")[0].split(";")[0][:40].replace("\0", "␀")
    mark = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"data:{kind},…{mark}"


def path_refusal(path: str) -> str:
    """Return why a normalised path must not be opened, or ""."""
    if not path:
        return "The path names no file. Write the picture's path into the document."
    if path.startswith("data:"):
        return (
            "The path is a picture inside the document: save it as a file in the images folder, "
            "and write the path of that file."
        )
    if re.match(r"file:/", path, re.IGNORECASE):
        return (
            "The path is an address, and an address of a file is not opened: put the picture into "
            "the bundle's images folder, and write its path below that folder."
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/|blob:", path):
        return (
            "The path is an address, and an address on the web is not loaded: save the picture in "
            "the bundle's images folder, and write its path below that folder."
        )
    if ".." in path.split("/") or re.match(r"[A-Za-z]:", path):
        return (
            "The path leads out of the bundle's images folder, so it was not opened. "
            "Put the picture into that folder and correct the path."
        )
    if "␀" in path or len(path) == LONGEST_PATH:
        return "The path cannot be a file's name. Correct it in the document."
    return ""
