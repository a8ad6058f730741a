"""The storage of style sheets and scripts: compressed once, when they are collected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from whitenoise.storage import CompressedStaticFilesStorage


class PublicStaticFilesStorage(CompressedStaticFilesStorage):
    """The compressed files are as open as the others. They are public, and a web server in front is
    another user; whitenoise itself leaves them to the umask, which is for what is private."""

    def post_process(self, *args: Any, **options: Any) -> Iterator[tuple[str, str, bool]]:
        for name, compressed, is_processed in super().post_process(*args, **options):
            if self.file_permissions_mode is not None:
                os.chmod(self.path(compressed), self.file_permissions_mode)
            yield name, compressed, is_processed
