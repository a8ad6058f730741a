"""What can go wrong with a story, in words for the person who brought it."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Characters that end a line or control a terminal.
_unprintable = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class StorybookError(Exception):
    """The base of all errors here. Their texts can be shown to a producer as they are."""


class BundleError(StorybookError):
    """A bundle cannot be imported, and nothing of it was.

    `problems` holds every problem that was found, as `place: sentence`. Each is a single line, even
    if a name in the bundle has line breaks.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(_unprintable.sub(_written_out, each) for each in problems)
        super().__init__("\n".join(self.problems))


def _written_out(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


class PictureProblem(StorybookError):
    """A picture that cannot be used as a reference. It never stops an import."""


class ImportFailed(StorybookError):
    """The bundle is fine, but the import was not possible. It changed nothing."""
