"""What knows nothing of videos: errors, text, processes, the queue."""
