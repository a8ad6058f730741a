"""What can go wrong with a story, in words for the person who brought it."""

from __future__ import annotations

from collections.abc import Sequence


class StorybookError(Exception):
    """Its text can be shown to a producer as it is."""


class BundleError(StorybookError):
    """A bundle that cannot be imported; nothing of it was. `problems` holds every problem that was
    found, each as `place: sentence`."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PictureProblem(StorybookError):
    """A picture that cannot be used as a reference. It never stops an import."""


class ImportFailed(StorybookError):
    """The bundle is fine, the import was not possible; it left everything as it was."""
