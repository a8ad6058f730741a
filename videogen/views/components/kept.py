"""Files that were downloaded and cannot become takes. They are paid for, so people get them as they
came."""

from __future__ import annotations

from dataclasses import dataclass

from storybook.media_store import media
from videogen.common.formats import media_url
from videogen.takes.storage import kept_path


@dataclass(frozen=True)
class KeptFile:
    url: str
    byte_size: int


def kept_of(name: str) -> KeptFile | None:
    """Return what is kept of this download ("render-7", "candidate-7"), or None."""
    try:
        size = media.size(str(kept_path(name)))
    except OSError:
        return None
    return KeptFile(f"{media_url(str(kept_path(name)))}?download=1", size)
