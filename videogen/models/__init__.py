"""What is paid for, and what came of it.

Read first: `VideoRender` is the job (its row is the truth, the queue only wakes us up),
`Submission` is one possible charge, `RenderBatch` is what one person asked for at once, `Lane` is
the stream that paid calls stand in, `ShotStanding` what the lists show of a shot, `VideoModel` what
a model can do.
"""

from __future__ import annotations

from .batches import RenderBatch
from .budgets import Budget
from .candidates import Candidate
from .lanes import Lane
from .notices import Notice
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
from .video_models import StorySettings, VideoFormat, VideoModel

__all__ = [
    "STALE_AFTER",
    "Budget",
    "Candidate",
    "Lane",
    "Notice",
    "Price",
    "ReferenceChoice",
    "RenderBatch",
    "ShotStanding",
    "StorySettings",
    "Submission",
    "VideoFormat",
    "VideoModel",
    "VideoRender",
    "badge_at_this_moment",
    "badge_of_renders",
    "counts_simulated",
    "fill_standings",
    "is_attempt",
]
