"""A ruler of a prompt: how many tokens it has, and where the limit of the model falls."""

from __future__ import annotations

from dataclasses import dataclass

from videogen.prompts.prompt import Prompt


@dataclass(frozen=True)
class PromptRuler:
    tokens: int
    limit: int

    @classmethod
    def of(cls, prompt: Prompt) -> PromptRuler:
        return cls(prompt.tokens, prompt.limit)

    @property
    def is_over_limit(self) -> bool:
        return self.tokens > self.limit

    @property
    def left(self) -> int:
        return self.limit - self.tokens

    @property
    def scale(self) -> int:
        """What the whole ruler stands for."""
        # The limit of some models is so far away that nothing could be seen of the prompt.
        limit = self.limit if self.limit <= 4 * self.tokens else 0
        return max(self.tokens, limit, 1)

    @property
    def read_percent(self) -> float:
        """How much of the ruler the part within the limit takes."""
        return round(100 * min(self.tokens, self.limit) / self.scale, 2)

    @property
    def unread_percent(self) -> float:
        return round(100 * max(self.tokens - self.limit, 0) / self.scale, 2)

    @property
    def limit_percent(self) -> float | None:
        """Where the limit stands; None where it is beyond the ruler."""
        return round(100 * self.limit / self.scale, 2) if self.limit <= self.scale else None
