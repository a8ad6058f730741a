from __future__ import annotations

from django.apps import AppConfig


class StorybookConfig(AppConfig):
    name = "storybook"
    verbose_name = "Storybook"
