from __future__ import annotations

from storybook.settings import *  # noqa: F403
from storybook.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.worker_facts"]
