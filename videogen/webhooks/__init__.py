"""Receives the events that the video API sends when a video is made."""
