"""The tables: what was asked for, what was sent and may be charged, and what came of it.

Where to begin:

- `VideoRender` is one attempt at a shot's video. Its row is the truth; the task queue only wakes
  the workers up.
- `Submission` is one possible charge.
- `RenderBatch` is what one person asked for at once.
- `Lane` is one account of a provider, through which paid calls go one after another.
- `ShotStanding` is the stored status of a shot, for the lists.
- `VideoModel` is what a model of the API can do.
- `Direction` is a sentence of the team that goes into prompts.
- `Film` is the video of one path through a story, joined from its takes.
- `TakeNote` is what the team says about a moment of a take.
- `TakeCheck` is what the technical check of a take has found.
- `ApiToken` lets a program act in a person's name; `ApiAnswer` keeps what it was answered.
- `WipedStory` and its `KeptCharge` are what stays of a story that was wiped: what was spent.
- `GuestLink` lets people without an account watch a story or a film; `GuestNote` is what they say.

The state of a render changes only by its verbs (`move`, `resume_polling`, `restart_download`), or
of many renders by `transition()` of their queryset. A plain UPDATE of the state raises ValueError.
The order in which rows are locked is described in videogen/lanes/__init__.py.
"""

from __future__ import annotations

from .api_tokens import ApiAnswer, ApiToken
from .batches import RenderBatch
from .budgets import Budget
from .candidates import Candidate
from .directions import Direction
from .films import Film
from .guest_links import GuestLink, GuestNote
from .lanes import Lane
from .notices import Notice
from .outgoing_events import OutgoingEvent
from .prices import Price
from .reference_choices import ReferenceChoice
from .renders import STALE_AFTER, VideoRender, fill_standings
from .shot_status import (
    ShotStanding,
    badge_at_this_moment,
    badge_of_renders,
    counts_simulated,
    is_attempt,
)
from .submissions import Submission
from .take_checks import FindingKind, TakeCheck, TakeFinding
from .take_notes import TakeNote
from .video_models import StorySettings, VideoFormat, VideoModel
from .wiped_stories import KeptCharge, WipedStory

__all__ = [
    "STALE_AFTER",
    "ApiAnswer",
    "ApiToken",
    "Budget",
    "Candidate",
    "Direction",
    "Film",
    "FindingKind",
    "GuestLink",
    "GuestNote",
    "KeptCharge",
    "Lane",
    "Notice",
    "OutgoingEvent",
    "Price",
    "ReferenceChoice",
    "RenderBatch",
    "ShotStanding",
    "StorySettings",
    "Submission",
    "TakeCheck",
    "TakeFinding",
    "TakeNote",
    "VideoFormat",
    "VideoModel",
    "VideoRender",
    "WipedStory",
    "badge_at_this_moment",
    "badge_of_renders",
    "counts_simulated",
    "fill_standings",
    "is_attempt",
]
