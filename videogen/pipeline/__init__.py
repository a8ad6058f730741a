"""Submits queued renders and polls them until there is something to download."""
