"""Ask the API about operations: one by its name, the list of operations, the list of files.

Not every API offers each of them; what it does not offer is not asked for again. Nothing here uses
the database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from videogen.common.errors import VeoError
from videogen.providers.client import VideoClient
from videogen.providers.messages import (
    Blocked,
    Failed,
    Finished,
    GeneratedFile,
    ListedOperation,
    Nothing,
    PollAnswer,
    Running,
)

ASKERS = 8
NOT_OFFERED = "The API does not offer it."

Entry = TypeVar("Entry")


def ask_by_name(client: VideoClient, names: Sequence[str]) -> list[PollAnswer | VeoError]:
    """Return the answers about these operations, in their order."""

    def ask(name: str) -> PollAnswer | VeoError:
        try:
            return client.poll(name)
        except VeoError as error:
            return error

    if not names:
        return []
    with ThreadPoolExecutor(min(ASKERS, len(names)), thread_name_prefix="ask") as threads:
        return list(threads.map(ask, names))


def in_words(answer: PollAnswer | VeoError) -> str:
    """Say what the API answered, in a sentence for people."""
    match answer:
        case Running():
            return "The API is still rendering it."
        case Finished():
            return "The video is made."
        case Blocked(is_charge_known=False):
            return "It was refused in words; the API does not say whether that is charged."
        case Blocked():
            return "A safety filter refused it; not charged."
        case Failed(is_charge_known=False):
            return "It ended without a video; the API does not say whether that is charged."
        case Failed():
            return "It ended without a video; not charged."
        case Nothing():
            return "The API says that it is done, but gives neither a video nor a reason."
    return answer.sentence


@dataclass
class Lists:
    """The API's lists. `words` says for each of them in a sentence how the API answered; a list
    without an answer is empty."""

    operations: list[ListedOperation] = field(default_factory=list)
    files: list[GeneratedFile] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)


def ask_lists(client: VideoClient, models: Iterable[str]) -> Lists:
    """Ask for the operations of these models and for the generated files."""
    lists = Lists()
    way = "list of operations"
    for model in models:
        lists.operations += _ask(lists, way, partial(client.list_operations, model))
        if lists.words[way] == NOT_OFFERED:
            break
    lists.files += _ask(lists, "list of generated files", client.list_generated_files)
    return lists


def _ask(lists: Lists, way: str, question: Callable[[], Collection[Entry]]) -> Collection[Entry]:
    try:
        entries = question()
    except VeoError as error:
        lists.words[way] = NOT_OFFERED if error.code == "not_supported" else error.sentence
        return ()
    lists.words.setdefault(way, "It was read.")
    return entries
