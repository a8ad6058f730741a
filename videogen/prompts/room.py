"""How much room a prompt takes: its parts in the order in which they are sent, with their tokens,
and where the model's limit falls. No queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from videogen.models import VideoRender

from .lean import LeftOut
from .prompt import Prompt, estimate_tokens


@dataclass(frozen=True)
class PromptPart:
    """One key of the prompt's object."""

    name: str
    tokens: int
    # The tokens of the prompt before this part.
    starts_at: int
    # How many of its tokens lie behind the limit, where the model may read nothing.
    unread: int

    @property
    def is_unread(self) -> bool:
        return self.unread == self.tokens > 0

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class PromptRoom:
    """`limit` is None if it was not stored. `scale` is how many tokens the ruler of the page stands
    for."""

    tokens: int
    limit: int | None
    parts: tuple[PromptPart, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_over_limit(self) -> bool:
        return self.over > 0

    @property
    def over(self) -> int:
        """How many tokens lie behind the limit."""
        return 0 if self.limit is None else max(0, self.tokens - self.limit)

    @property
    def free(self) -> int:
        return 0 if self.limit is None else max(0, self.limit - self.tokens)

    @property
    def scale(self) -> int:
        # The limit of some models is so far away that nothing could be seen of the prompt.
        limit = self.limit or 0
        return max(self.tokens, limit if limit <= 4 * self.tokens else 0, 1)

    @property
    def shows_limit(self) -> bool:
        return self.limit is not None and self.limit <= self.scale


def prompt_room(prompt: Prompt) -> PromptRoom:
    """Return the room of a prompt that was just put together."""
    return room_of_text(prompt.text, prompt.limit, prompt.left_out)


def room_of_render(render: VideoRender) -> PromptRoom:
    """Return the room that the prompt of a render took when it was queued."""
    left_out = [LeftOut.read(each) for each in render.prompt_left_out]
    return room_of_text(render.prompt_text, render.prompt_limit, left_out)


def room_of_text(text: str, limit: int | None, left_out: Sequence[LeftOut] = ()) -> PromptRoom:
    """Return the room of a stored prompt. A text that is not a JSON object has no parts."""
    parts = []
    before = 0
    for name, end in _ends(text):
        at = estimate_tokens(text[:end])
        unread = max(0, at - max(before, limit)) if limit is not None else 0
        parts.append(PromptPart(name, at - before, before, unread))
        before = at
    return PromptRoom(estimate_tokens(text), limit, tuple(parts), tuple(left_out))


def _ends(text: str) -> list[tuple[str, int]]:
    """Return each key of the object with the place in the text where its value ends. The last one
    ends with the text."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        return []
    if not isinstance(document, dict):
        return []
    decoder, ends, at = json.JSONDecoder(), [], text.index("{") + 1
    for name in document:
        _, at = decoder.raw_decode(text, _after(text, at, ","))
        _, at = decoder.raw_decode(text, _after(text, at, ":"))
        ends.append((name, at))
    return [*ends[:-1], *((name, len(text)) for name, _ in ends[-1:])]


def _after(text: str, at: int, mark: str) -> int:
    """Return the place of the next value, behind spaces and the mark."""
    while text[at].isspace() or text[at] == mark:
        at += 1
    return at
