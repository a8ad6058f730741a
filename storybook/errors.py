"""What can go wrong with a story, in words for the person who brought it."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Ends a line, or does something to a terminal.
_unprintable = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class StorybookError(Exception):
    """Its text can be shown to a producer as it is."""


class BundleError(StorybookError):
    """A bundle that cannot be imported; nothing of it was. `problems` holds every problem that was
    found, each as `place: sentence`, a line each whatever names the bundle gave to its things."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(_unprintable.sub(_written_out, each) for each in problems)
        super().__init__("\n".join(self.problems))


def _written_out(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


class PictureProblem(StorybookError):
    """A picture that cannot be used as a reference. It never stops an import."""


class ImportFailed(StorybookError):
    """The bundle is fine, the import was not possible; it left everything as it was."""
