from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    """An empty MEDIA_ROOT of the test's own."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = str(folder)
    return folder
