"""What a check has found, as plain values.

Nothing is imported here that needs a configured Django: findings are shown even if it cannot start.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from dataclasses import dataclass

from videogen.common.addresses import USER_AND_PASSWORD, without_passwords
from videogen.common.spellings import without_secrets as replace_secrets

# Environment variable → the setting that is made of it. The table is not in the settings, because
# secrets are also hidden in the finding that says why the settings cannot be read.
SECRET_SETTINGS = {
    "GOOGLE_API_KEY": "GEMINI_API_KEY",
    "GEMINI_API_KEY": "GEMINI_API_KEY",
    "DJANGO_SECRET_KEY": "SECRET_KEY",
    "EMAIL_HOST_PASSWORD": "EMAIL_HOST_PASSWORD",
    "VIDEO_NOTICE_WEBHOOK_SECRET": "VIDEO_NOTICE_WEBHOOK_SECRET",
    "VIDEO_RECEIVE_WEBHOOK_SECRET": "VIDEO_RECEIVE_WEBHOOK_SECRET",
    "VIDEO_METRICS_TOKEN": "VIDEO_METRICS_TOKEN",
    # The SDK of the object store reads these by itself: no setting is made of them.
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_SESSION_TOKEN": "",
}
# Shorter values are no secrets, and could be words of our own sentences.
_SHORTEST = 5


class Level(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One thing that a check says."""

    # Names the check. It never changes, so that programs can rely on it.
    key: str
    title: str
    level: Level
    sentence: str
    # Empty if there is nothing to do.
    what_to_do: str = ""


@dataclass(frozen=True)
class Topic:
    """What a check is about. It makes the findings of that check."""

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
    """Return the error's text, or else its class, as one line of at most 300 characters."""
    # Secrets go first: half of one that is cut off would no longer be recognised.
    words = " ".join(without_secrets(str(error)).split()) or type(error).__name__
    return words if len(words) <= 300 else words[:300] + "…"


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace every secret in the text, however it is spelled. Error messages of others may quote
    one."""
    known = {*secrets, *(os.environ.get(name, "").strip() for name in SECRET_SETTINGS)}
    for url in (os.environ.get("DATABASE_URL", ""), os.environ.get("VIDEO_QUEUE_REDIS_URL", "")):
        known |= {password for _, password in USER_AND_PASSWORD.findall(url)}
    long_enough = [secret for secret in known if len(secret) >= _SHORTEST]
    return without_passwords(replace_secrets(text, long_enough, "[secret]"))
