"""The images folder of a bundle. Nothing outside of it is ever opened."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from storybook.errors import PictureProblem
from storybook.near_names import folded, near_key
from storybook.picture_paths import path_refusal
from storybook.pictures import read_picture

_leads_out = (
    "A link leads out of the bundle's images folder, so it was not opened. "
    "Put the picture's file itself into the folder."
)


_left_by_systems = {"thumbs.db", "desktop.ini"}


class ImageFolder:
    """Reads pictures below `<bundle>/images` by their normalised paths.

    It is thread-safe: at worst two threads find out the same thing and remember it.
    """

    def __init__(self, bundle: Path, doubtful_names: Sequence[str] = ()) -> None:
        """doubtful_names: names of the bundle's zip whose code page is a guess."""
        self.bundle = os.path.realpath(bundle)
        self.root = os.path.realpath(os.path.join(self.bundle, "images"))
        self._doubtful = [name for name in doubtful_names if "images/" in name]
        self._real_folders: dict[str, str] = {}
        self._names: dict[str, dict[str, str]] = {}

    def read(self, path: str) -> bytes:
        """Return the picture's bytes. Raises PictureProblem if there is none that may be opened."""
        if refusal := path_refusal(path):
            near = self._files.near(path)
            found = f" In that folder there is {near}." if near else ""
            raise PictureProblem(f"{refusal}{found}")
        if not _is_below(self.root, self.bundle):
            raise PictureProblem(_leads_out)
        return read_picture(self._locate(path))

    def unnamed_files(self, paths: Iterable[str]) -> list[str]:
        """Return the files of the folder that none of these paths names."""
        named = {unicodedata.normalize("NFC", path) for path in paths}
        return [
            path
            for path in self._files.paths
            if unicodedata.normalize("NFC", path) not in named
            and path.rpartition("/")[2].lower() not in _left_by_systems
        ]

    def _locate(self, path: str) -> str:
        try:
            try:
                real = self._real_path(os.path.join(self.root, path))
            except (FileNotFoundError, NotADirectoryError):
                respelled = self._respelled(path)
                if respelled is None:
                    raise
                real = self._real_path(respelled)
        except (OSError, ValueError) as error:
            raise PictureProblem(self._missing(path)) from error
        if not _is_below(real, self.root):
            raise PictureProblem(_leads_out)
        return real

    def _missing(self, path: str) -> str:
        """Return what to say of a path where there is no file."""
        if not os.path.isdir(self.root):
            return f"There is no images folder in the bundle{self._other_folder()}."
        missing = "There is no such file in the bundle's images folder"
        if near := self._files.near(path):
            return f"{missing}, but there is {near}. Correct the path in the document."
        if self._doubtful and not path.isascii():
            found = self._doubtful[0].rpartition("images/")[2]
            return (
                f"{missing}, and the zip's names are in an unknown code page: make it with UTF-8 "
                f"names. One of them reads {_short(found)}."
            )
        return f"{missing}. Export the picture, or correct the path in the document."

    def _other_folder(self) -> str:
        with suppress(OSError):
            for name in sorted(os.listdir(self.bundle)):
                if near_key(name, ["images", "image"]):
                    return f", but there is {name[:100]}: rename it to images"
        return ": put the pictures into one"

    @cached_property
    def _files(self) -> FoundFiles:
        return FoundFiles.below(self.root) if _is_below(self.root, self.bundle) else FoundFiles([])

    def _real_path(self, path: str) -> str:
        folder, name = os.path.split(path)
        real = self._real_folders.get(folder)
        if real is None:
            real = self._real_folders[folder] = os.path.realpath(folder, strict=True)
        file = os.path.join(real, name)
        # Hundreds of key frames are in few folders, so only a link is resolved from the root.
        is_link = stat.S_ISLNK(os.lstat(file).st_mode)
        return os.path.realpath(file, strict=True) if is_link else file

    def _respelled(self, path: str) -> str | None:
        """Return the path with its accents as the disk has them.

        A zip from macOS has them decomposed (e + ´). Documents mostly have them composed (é).
        """
        if path.isascii():
            return None
        found = self.root
        for part in path.split("/"):
            exact = os.path.join(found, part)
            if os.path.lexists(exact):
                found = exact
                continue
            name = self._names_in(found).get(unicodedata.normalize("NFC", part))
            if name is None:
                return None
            found = os.path.join(found, name)
        return found

    def _names_in(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            real = os.path.realpath(folder, strict=True)
            # A link to a folder outside is not even listed.
            names = os.listdir(real) if _is_below(real, self.root) else []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._names[folder]


@dataclass(frozen=True)
class NearFile:
    path: str
    # What is different in the document's path, without a full stop.
    difference: str

    def __str__(self) -> str:
        return f"{_short(self.path)}: {self.difference}"


class FoundFiles:
    """The files of an images folder, to find what a wrong path may mean.

    It never decides which file is used: paths are matched exactly, and this is only said.
    """

    most = 50_000

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = list(paths)
        self._paths: dict[str, str] = {}
        self._stems: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        for path in self.paths:
            key = folded(path)
            self._paths.setdefault(key, path)
            self._stems.setdefault(os.path.splitext(key)[0], []).append(path)
            self._names.setdefault(key.rpartition("/")[2], []).append(path)

    @classmethod
    def below(cls, root: str) -> FoundFiles:
        found: list[str] = []
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = os.path.relpath(folder, root).replace(os.sep, "/")
            prefix = "" if below == "." else f"{below}/"
            found += [f"{prefix}{name}" for name in sorted(names) if not name.startswith(".")]
            if len(found) >= cls.most:
                break
        # A name that is not valid UTF-8 cannot be shown.
        return cls(path for path in found[: cls.most] if _is_text(path))

    def near(self, path: str) -> NearFile | None:
        """Return the file that the path may mean."""
        spellings = _spellings(path)
        for spelling, difference in spellings:
            if found := self._paths.get(folded(spelling)):
                return NearFile(found, difference or _difference(spelling, found))
        for spelling, _ in spellings:
            parts = [part for part in spelling.split("/") if part not in ("", ".", "..", "~")]
            for start in range(1, min(len(parts), _deepest)):
                if found := self._paths.get(folded("/".join(parts[start:]))):
                    front = _short("/".join(parts[:start]), 60)
                    return NearFile(found, f"only {front}/ in front is too much")
        for spelling, _ in spellings:
            key = folded(spelling)
            stem = os.path.splitext(key)[0]
            for each in (self._stems.get(key), self._stems.get(stem)):
                if each and len(each) == 1:
                    return NearFile(each[0], "only the suffix differs")
        for spelling, _ in spellings:
            named = self._names.get(folded(spelling).rpartition("/")[2], [])
            if len(named) == 1:
                return NearFile(named[0], "only the folder differs")
        return None


_deepest = 30


def _spellings(path: str) -> list[tuple[str, str]]:
    """Return the path as it may be meant, each time with what differs then."""
    found = [(path, "")]
    bare = re.split(r"[?#]", path, maxsplit=1)[0]
    if bare and bare != path:
        found.append((bare, f"only {_short(path[len(bare) :], 30)} at the end is too much"))
    decoded = unquote(bare)
    if decoded != bare:
        found.append((decoded, "only the codes with % differ"))
    if "+" in bare:
        found.append((unquote(bare.replace("+", " ")), "only + stands for a space"))
    return found


def _difference(path: str, found: str) -> str:
    if path.casefold() == found.casefold():
        return "only the case differs"
    if path.strip() == found.strip() or [part.strip() for part in path.split("/")] == [
        part.strip() for part in found.split("/")
    ]:
        return "only a space at an end differs"
    if unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", found):
        return "only the Unicode form differs"
    return "only case, spaces or signs that cannot be seen differ"


def _short(text: str, longest: int = 150) -> str:
    return text if len(text) <= longest else f"…{text[1 - longest :]}"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
