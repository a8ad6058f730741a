from __future__ import annotations

from django.urls import path

from .views.events import video_events
from .views.media import media

urlpatterns = [
    path("media/<path:path>", media, name="media"),
    path("events/video/", video_events, name="video_events"),
]
