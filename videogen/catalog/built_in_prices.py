"""The prices that came with this version, US dollars a second: what Google lists.

They are rows of the price list, too (migrations 0010 and 0017). This copy is for those who are
about to enter a lower one: a row can be deleted, and what Google charges does not change with it.
"""

from __future__ import annotations

from decimal import Decimal

_VEO = {"720p": "0.40", "1080p": "0.40", "4k": "0.60"}
_VEO_FAST = {"720p": "0.10", "1080p": "0.12", "4k": "0.30"}
_OMNI = {"720p": "0.1014", "1080p": "0.1525"}

_USD_PER_SECOND = {
    "veo-3.1-generate-preview": _VEO,
    "veo-3.1-generate-001": _VEO,
    "veo-3.1-fast-generate-preview": _VEO_FAST,
    "veo-3.1-fast-generate-001": _VEO_FAST,
    "veo-3.1-lite-generate-preview": {"720p": "0.05", "1080p": "0.08"},
    "gemini-omni-1.1-flash": _OMNI,
    "gemini-omni-1.2-flash": _OMNI,
}


def built_in_price(model: str, resolution: str) -> Decimal | None:
    """Return what a second costs by Google's list, or None if the list has no such video."""
    usd = _USD_PER_SECOND.get(model, {}).get(resolution)
    return Decimal(usd) if usd else None
