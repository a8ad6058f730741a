"""What can go wrong with a story, in words for the person who brought it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Characters that end a line or control a terminal.
_unprintable = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class StorybookError(Exception):
    """The base of all errors here. Their texts can be shown to a producer as they are."""


@dataclass(frozen=True)
class BundleWarning:
    """Something in the bundle that nothing reads, with the first of its places."""

    place: str
    code: str
    sentence: str
    # How many further places have the same.
    more: int = 0


class BundleError(StorybookError):
    """A bundle cannot be imported, and nothing of it was.

    `problems` holds every problem that was found, as `place: sentence`. Each is a single line, even
    if a name in the bundle has line breaks. `more` is how many others there are. `warnings` do not
    refuse a bundle; they are told together with the problems, so that one repair is enough.
    `warnings_left_out` is how many others of them there are.
    """

    def __init__(
        self,
        problems: Sequence[str],
        *,
        more: int = 0,
        warnings: Iterable[BundleWarning] = (),
        warnings_left_out: int = 0,
    ) -> None:
        self.problems = tuple(_unprintable.sub(_written_out, each) for each in problems)
        self.more = more
        self.warnings = tuple(warnings)
        self.warnings_left_out = warnings_left_out
        super().__init__("\n".join(self.problems))


class Problems:
    """Collects a bundle's problems. Beyond some hundred they are only counted."""

    most = 200

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._more = 0

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def add(self, sentence: str) -> None:
        if len(self._sentences) < self.most:
            self._sentences.append(sentence)
        else:
            self._more += 1

    def refuse_if_any(
        self, warnings: Iterable[BundleWarning] = (), *, warnings_left_out: int = 0
    ) -> None:
        """Raise BundleError with the problems, if there are any."""
        if self._sentences:
            raise BundleError(
                self._sentences,
                more=self._more,
                warnings=warnings,
                warnings_left_out=warnings_left_out,
            )


def _written_out(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


class PictureProblem(StorybookError):
    """A picture that cannot be used as a reference. It never stops an import."""


class ImportFailed(StorybookError):
    """The bundle is fine, but the import was not possible. It changed nothing."""
