from __future__ import annotations

from django.urls import path

from .api.door import api_door
from .views.guests.access import nothing_there
from .views.guests.files import (
    guest_captions,
    guest_clip,
    guest_film,
    guest_poster,
    guest_still,
)
from .views.guests.page import guest_link_without_slash, guest_page
from .views.media import media
from .views.webhooks import video_events

urlpatterns = [
    path("media/<path:path>", media, name="media"),
    path("api/v1/<path:rest>", api_door, name="api"),
    path("events/video/", video_events, name="video_events"),
    # docs/production.md tells web servers to keep these out of their logs: who has one may open it.
    path("share/<str:token>", guest_link_without_slash),
    path("share/<str:token>/", guest_page, name="guest_page"),
    path("share/<str:token>/film.mp4", guest_film, name="guest_film"),
    path("share/<str:token>/clips/<int:shot>.mp4", guest_clip, name="guest_clip"),
    path("share/<str:token>/posters/<int:shot>.jpg", guest_poster, name="guest_poster"),
    path("share/<str:token>/stills/<int:shot>", guest_still, name="guest_still"),
    path("share/<str:token>/captions/<int:shot>.vtt", guest_captions, name="guest_captions"),
    path("share/<path:rest>", nothing_there),
]
