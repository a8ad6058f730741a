"""Look for the results of submissions in a bucket of our own.

There the API stores a result under a name that we chose, the submission's token. So a video under
the token of a submission that got no answer is its answer. Nothing is submitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from videogen.common.errors import VeoError
from videogen.common.task_queue import wake_downloads
from videogen.models import Submission, VideoRender
from videogen.models.render_warnings import RenderWarning, WarningCode
from videogen.providers.client import VideoClient
from videogen.providers.messages import Finished
from videogen.takes.storage import set_aside

from .provider_queries import ASKERS

Outcome = Submission.Outcome
State = VideoRender.State

WAY = "place of its own"


def find_results(
    client: VideoClient, renders: Sequence[VideoRender]
) -> list[Finished | VeoError | None]:
    """Return what is stored under the tokens of these renders' submissions, in the renders' order:
    None if there is nothing, or if the route has no such bucket. Makes one query."""
    rows = Submission.objects.filter(render__in=renders, outcome=Outcome.UNKNOWN).order_by(
        "claimed_at"
    )
    # The last token counts: an earlier submission was settled before the render was sent again.
    tokens = {row.render_id: str(row.token) for row in rows}

    def ask(render: VideoRender) -> Finished | VeoError | None:
        token = tokens.get(render.pk)
        try:
            return client.find_result(token) if token else None
        except VeoError as error:
            return None if error.code == "not_supported" else error

    if not tokens:
        return []
    with ThreadPoolExecutor(min(ASKERS, len(renders)), thread_name_prefix="find") as threads:
        return list(threads.map(ask, renders))


def take_result(render: VideoRender, uri: str) -> bool:
    """Attach a video found in our bucket to the render whose submission got no answer. Call it
    inside a transaction. Return False if another process was first."""
    won = render.restart_download(
        State.UNKNOWN,
        link=uri,
        warnings=[*render.warnings, RenderWarning(WarningCode.FOUND_IN_BUCKET)],
    )
    if won:
        render.submissions.settle_unknown()
        set_aside(render.pk)
        wake_downloads(1)
    return won


def in_words(result: Finished | VeoError) -> str:
    """Say what was found, in a sentence for people."""
    return result.sentence if isinstance(result, VeoError) else f"The video lies at {result.uri}."
