"""What a check has found, as plain values. Imports nothing of the application."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

# Environment variable → the setting that is made of it. It stands here and not in the settings,
# because why those cannot be read is told without secrets, too.
SECRET_SETTINGS = {
    "GOOGLE_API_KEY": "GEMINI_API_KEY",
    "GEMINI_API_KEY": "GEMINI_API_KEY",
    "DJANGO_SECRET_KEY": "SECRET_KEY",
    "EMAIL_HOST_PASSWORD": "EMAIL_HOST_PASSWORD",
    "VIDEO_NOTICE_WEBHOOK_SECRET": "VIDEO_NOTICE_WEBHOOK_SECRET",
    "VIDEO_RECEIVE_WEBHOOK_SECRET": "VIDEO_RECEIVE_WEBHOOK_SECRET",
}
_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")
# Shorter ones are no secrets, and words of our own sentences.
_SHORTEST = 5


class Level(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """`key` names the check, the same at every run; `what_to_do` is empty where nothing is."""

    key: str
    title: str
    level: Level
    sentence: str
    what_to_do: str = ""


@dataclass(frozen=True)
class Topic:
    """What a check is about: makes its findings."""

    key: str
    title: str

    def ok(self, sentence: str) -> Finding:
        return Finding(self.key, self.title, Level.OK, sentence)

    def warn(self, sentence: str, what_to_do: str) -> Finding:
        return Finding(self.key, self.title, Level.WARNING, sentence, what_to_do)

    def fail(self, sentence: str, what_to_do: str) -> Finding:
        return Finding(self.key, self.title, Level.FAILURE, sentence, what_to_do)


@dataclass(frozen=True)
class Summary:
    ok: int
    warnings: int
    failures: int


def summarize(findings: Iterable[Finding]) -> Summary:
    levels = [each.level for each in findings]
    return Summary(*(levels.count(each) for each in Level))


def words_of(error: BaseException | str) -> str:
    """One line, bounded, and never without anything."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 300 else words[:300] + "…"


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """The text, should a word of it be the key or another secret: what others say may hold it."""
    known = {*secrets, *(os.environ.get(name, "").strip() for name in SECRET_SETTINGS)}
    for url in (os.environ.get("DATABASE_URL", ""), os.environ.get("VIDEO_QUEUE_REDIS_URL", "")):
        known |= {password for _, password in _PASSWORD.findall(url)}
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "[secret]")
    return _PASSWORD.sub(r"\1:[secret]@", text)
