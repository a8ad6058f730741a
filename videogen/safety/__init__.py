"""Why the API blocked a video, and what in the request may have been the reason."""
