"""Clips of candidates, so that a person sees what is proposed. They never become takes: the clip of
a candidate that is taken is downloaded like any other."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from storybook.media_store import media
from videogen.common.errors import DownloadError
from videogen.models import Candidate
from videogen.takes.fetch import fetch_to, new_client
from videogen.takes.storage import LEFTOVER_SECONDS, kept_file, store_clip

from .candidates import preview_path

logger = logging.getLogger(__name__)

# So many at once; the next reconciliation fetches more.
MOST = 8


def fetch(candidates: Iterable[Candidate]) -> None:
    """Fetch the clips of candidates that have a link and no clip here yet. One that cannot be
    fetched is skipped."""
    wanted = {each.pk: each for each in candidates if each.pk and each.download_uri}
    missing = [each for each in wanted.values() if not (has_preview(each) or _is_kept(each))]
    if not missing:
        return
    try:
        client = new_client()
    except DownloadError as error:
        logger.warning("No previews: %s", error)
        return
    with client:
        for each in missing[:MOST]:
            try:
                clip = fetch_to(client, each.download_uri, f"candidate-{each.pk}")
                store_clip(clip, preview_path(each))
            except (DownloadError, OSError) as error:
                logger.warning("No preview of %s: %s", each, error)


def has_preview(candidate: Candidate) -> bool:
    """Whether the candidate's clip is here."""
    return media.exists(str(preview_path(candidate)))


def _is_kept(candidate: Candidate) -> bool:
    """Whether the candidate's clip is here, and cannot be shown."""
    return kept_file(f"candidate-{candidate.pk}").exists()


def remove_old() -> None:
    """Remove the previews that are so old that the server no longer has the clips. Those of
    candidates about which nobody has decided stay: they may be paid for, and nobody else has them.
    """
    folder = str(preview_path(Candidate(pk=0)).parent)
    expired = time.time() - LEFTOVER_SECONDS
    proposed = Candidate.objects.filter(status=Candidate.Status.PROPOSED)
    undecided = {str(pk) for pk in proposed.values_list("pk", flat=True)}
    for each in media.files(folder):
        if Path(each.name).stem not in undecided and each.modified < expired:
            media.delete(each.name)
