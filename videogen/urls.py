from __future__ import annotations

from django.urls import path

from .views.media import media

urlpatterns = [
    path("media/<path:path>", media, name="media"),
]
