"""The screens of the admin that are about video. Each model has a module of its own.

Every process imports them, so what takes long to import is imported where it is used.
"""

from __future__ import annotations

from django.contrib import admin

from . import (  # noqa: F401
    api_tokens,
    batches,
    budgets,
    candidates,
    lanes,
    login_attempts,
    notices,
    prices,
    reference_choices,
    renders,
    shots,
    stories,
    submissions,
    task_queue,
    video_models,
    wiped_stories,
)

admin.site.site_title = "videogen"
admin.site.site_header = "videogen"
admin.site.index_title = "Stories"
