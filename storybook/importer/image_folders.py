"""The images folder of a bundle. Nothing outside of it is ever opened."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from storybook.errors import PictureProblem
from storybook.pictures import path_refusal, read_picture

_leads_out = (
    "A link leads out of the bundle's images folder, so it was not opened. "
    "Put the picture's file itself into the folder."
)


class ImageFolder:
    """Reads pictures below `<bundle>/images` by their normalised paths.

    It is thread-safe: at worst two threads find out the same thing and remember it.
    """

    def __init__(self, bundle: Path) -> None:
        self.bundle = os.path.realpath(bundle)
        self.root = os.path.realpath(os.path.join(self.bundle, "images"))
        self._real_folders: dict[str, str] = {}
        self._names: dict[str, dict[str, str]] = {}

    def read(self, path: str) -> bytes:
        """Return the picture's bytes. Raises PictureProblem if there is none that may be opened."""
        if refusal := path_refusal(path):
            raise PictureProblem(refusal)
        if not _is_below(self.root, self.bundle):
            raise PictureProblem(_leads_out)
        return read_picture(self._locate(path))

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
            raise PictureProblem(
                "There is no such file in the bundle's images folder. "
                "Export the picture, or correct the path in the document."
            ) from error
        if not _is_below(real, self.root):
            raise PictureProblem(_leads_out)
        return real

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

        An archive from macOS has them decomposed (e + ´). Documents mostly have them composed (é).
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


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
