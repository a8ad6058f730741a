"""What the technical check of a take has found. It is advice: nothing is rejected by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import models

from .renders import VideoRender

# A process that has had a take for so long counts as gone.
CHECK_LEASE = timedelta(minutes=10)
# A file that crashes whatever reads it is not tried for ever.
MOST_ATTEMPTS = 3


class FindingKind(models.TextChoices):
    """Each kind of finding, with the words of its chip."""

    SIZE = "size", "size"
    SHAPE = "shape", "shape"
    FRAME_RATE = "frame_rate", "frame rate"
    LENGTH = "length", "length"
    BLACK = "black", "black"
    FROZEN = "frozen", "frozen"
    HARD_CUT = "hard_cut", "cut"
    SILENT = "silent", "silent"
    CLIPPED = "clipped", "clipped"
    LOUDNESS = "loudness", "loudness"
    NEAR_DUPLICATE = "near_duplicate", "duplicate"
    UNREADABLE = "unreadable", "not readable"


_SENTENCES = {
    FindingKind.SIZE: "It is {width} × {height}; {asked_width} × {asked_height} was asked for.",
    FindingKind.SHAPE: "Its shape is {width} × {height}; {asked} was asked for.",
    FindingKind.FRAME_RATE: "It has {fps:g} frames a second, not {asked:g}.",
    FindingKind.LENGTH: "It is {length:.1f} s long; {asked} s were asked for.",
    FindingKind.BLACK: "The picture is black for {seconds:.1f} s.",
    FindingKind.FROZEN: "The picture stands still for {seconds:.1f} s.",
    FindingKind.HARD_CUT: "The picture changes at once, as at a cut: this should be one shot.",
    FindingKind.SILENT: "Nothing is heard for {seconds:.1f} s, and lines or sounds were asked for.",
    FindingKind.CLIPPED: "The sound is clipped for {seconds:.1f} s.",
    FindingKind.LOUDNESS: "The sound is too {side}: {lufs:.0f} LUFS.",
    FindingKind.NEAR_DUPLICATE: "It is nearly the same as take {take}.",
    FindingKind.UNREADABLE: "It could not be checked. {words}",
}
# Why a file could not be read, where no library has words of its own for it.
WHY_NOT = {
    "missing": "The file is not there.",
    "no_access": "The file cannot be opened.",
    "ends_the_process": "Reading the file has ended the process that read it.",
    "internal": "Something unexpected broke on our side; the log has more.",
}


@dataclass(frozen=True)
class TakeFinding:
    """Something odd about a take, and where: a kind with its parameters."""

    kind: FindingKind
    at_seconds: float
    # How long it lasts; 0 for what happens at one moment.
    seconds: float
    params: Mapping[str, Any]

    @classmethod
    def make(
        cls, kind: FindingKind, at_seconds: float = 0.0, seconds: float = 0.0, **params: Any
    ) -> TakeFinding:
        return cls(kind, round(at_seconds, 3), round(seconds, 3), params)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> TakeFinding:
        params = dict(stored)
        kind = FindingKind(params.pop("kind"))
        return cls(kind, params.pop("at_seconds"), params.pop("seconds"), params)

    def as_stored(self) -> dict[str, Any]:
        place = {"at_seconds": self.at_seconds, "seconds": self.seconds}
        return {"kind": self.kind.value, **place, **self.params}

    @property
    def sentence(self) -> str:
        words = self.params.get("words") or WHY_NOT.get(self.params.get("code", ""), "")
        return _SENTENCES[self.kind].format(
            **{**self.params, "seconds": self.seconds, "words": words}
        )

    @property
    def has_time(self) -> bool:
        """Whether it is of a place in the clip, not of the clip as a whole."""
        return self.at_seconds > 0 or self.kind in _IN_THE_CLIP

    @property
    def clock(self) -> str:
        minutes, seconds = divmod(self.at_seconds, 60)
        return f"{int(minutes)}:{seconds:04.1f}"


_IN_THE_CLIP = (FindingKind.BLACK, FindingKind.FROZEN, FindingKind.SILENT, FindingKind.CLIPPED)


class TakeCheck(models.Model):
    """The technical check of one take. Without a result, a process is at it, or was."""

    class Result(models.TextChoices):
        PASSED = "passed", "passed"
        NOTES = "notes", "notes"
        NOT_CHECKED = "not_checked", "not checked"

    render = models.OneToOneField(
        VideoRender, on_delete=models.CASCADE, related_name="technical_check"
    )
    result = models.CharField(max_length=12, choices=Result, blank=True)
    findings = models.JSONField(default=list, help_text="Codes with their parameters.")
    signature = models.BinaryField(
        default=bytes, help_text="Small pictures of moments of the clip, to compare takes by."
    )
    version = models.PositiveSmallIntegerField(
        default=0, help_text="Of the thresholds that it was checked with."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Check of {self.render}"

    @property
    def told(self) -> list[TakeFinding]:
        return [TakeFinding.read(each) for each in self.findings]
