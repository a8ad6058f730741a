"""What is paid for, and what came of it.

Read first: `VideoRender` is the job (its row is the truth, the queue only wakes us up),
`Submission` is one possible charge, `RenderBatch` is what one person asked for at once, `Lane` is
the stream that paid calls stand in.
"""

from __future__ import annotations

from .batches import RenderBatch
from .choices import ReferenceChoice
from .lanes import Lane
from .renders import STALE_AFTER, VideoRender
from .submissions import Submission

__all__ = [
    "STALE_AFTER",
    "Lane",
    "ReferenceChoice",
    "RenderBatch",
    "Submission",
    "VideoRender",
]
