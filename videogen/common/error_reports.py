"""What a report of an error must not show, in debug mode or by e-mail: passwords within addresses,
as in DATABASE_URL. Django itself hides settings by their names only."""

from __future__ import annotations

from typing import Any

from django.views.debug import SafeExceptionReporterFilter

from .addresses import without_passwords


class PasswordFilter(SafeExceptionReporterFilter):
    def cleanse_setting(self, key: Any, value: Any) -> Any:
        cleansed = super().cleanse_setting(key, value)
        # str: some apps keep lazy texts in the settings.
        return without_passwords(str(cleansed)) if isinstance(cleansed, str) else cleansed

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleanse_setting(name, value)) for name, value in found]
