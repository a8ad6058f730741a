"""Files that were downloaded and cannot become takes. They are paid for, so people get them as they
came."""

from __future__ import annotations

from dataclasses import dataclass

from videogen.common.formats import media_url
from videogen.takes.storage import kept_file, kept_path


@dataclass(frozen=True)
class KeptFile:
    url: str
    byte_size: int


def kept_of(name: str) -> KeptFile | None:
    """Return what is kept of this download ("render-7", "candidate-7"), or None."""
    try:
        size = kept_file(name).stat().st_size
    except OSError:
        return None
    return KeptFile(f"{media_url(str(kept_path(name)))}?download=1", size)
