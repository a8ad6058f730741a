"""What a plan's page says of shots whose very request has a take already, and the yes that it asks
for before they are rendered once more."""

from __future__ import annotations

from dataclasses import dataclass

from videogen.planning import Action, Plan
from videogen.showing import usd

from .plan_modes import counted


@dataclass(frozen=True)
class Repeats:
    """`is_wanted`: somebody has said yes to them."""

    number: int
    is_wanted: bool
    price: str

    @classmethod
    def of(cls, plan: Plan) -> Repeats | None:
        rows = [row for row in plan.rows if row.same]
        if not rows:
            return None
        # Blocked ones (no budget is left for them) were wanted as well.
        is_wanted = not any(row.decision.action == Action.SKIP for row in rows)
        cost = plan.request.cost_of(len(rows))
        return cls(len(rows), is_wanted, usd(cost) if cost else "free")

    @property
    def sentence(self) -> str:
        shots = counted(self.number, "shot")
        have = f"You have a video of {shots} already, with exactly this request"
        what = "same prompt, references, model and settings"
        if self.is_wanted:
            again = "It is rendered" if self.number == 1 else "They are rendered"
            return f"{have}: {what}. {again} once more because you said so."
        again = "It is not" if self.number == 1 else "They are not"
        return f"{have}: {what}. {again} rendered again unless you say so."

    @property
    def question(self) -> str:
        which = "this shot" if self.number == 1 else f"these {self.number} shots"
        return f"Render {which} again anyway · {self.price}"

    @property
    def way_back(self) -> str:
        return "Leave it out" if self.number == 1 else "Leave them out"
