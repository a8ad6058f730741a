from __future__ import annotations

from django.urls import path

from .views.media import media
from .views.webhooks import video_events

urlpatterns = [
    path("media/<path:path>", media, name="media"),
    path("events/video/", video_events, name="video_events"),
]
