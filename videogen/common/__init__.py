"""Helpers without knowledge of videos: errors, text, processes, the queue of tasks."""
