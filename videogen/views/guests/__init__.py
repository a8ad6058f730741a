"""What people without an account see, by a link: the page and the files that the link covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videogen.common.on_demand import modules_on_demand

if TYPE_CHECKING:
    from . import (  # noqa: F401
        access,
        files,
        page,
    )
else:
    __getattr__ = modules_on_demand(__name__)
