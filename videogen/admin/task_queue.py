"""django-q2's own screens, to look at only: whoever could write there could have the workers run
any program."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin

from .records import RecordAdmin


def _only_to_look_at() -> None:
    # django-q2 comes before this app in INSTALLED_APPS, so its screens are registered by now.
    for model in list(apps.get_app_config("django_q").get_models(include_auto_created=True)):
        if admin.site.is_registered(model):
            theirs = type(admin.site.get_model_admin(model))
            admin.site.unregister(model)
            # Their one action queues a task again.
            values = {"actions": None, "is_internal": True, "__module__": __name__}
            admin.site.register(model, type(theirs.__name__, (RecordAdmin, theirs), values))


_only_to_look_at()
