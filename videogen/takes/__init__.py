"""From a finished clip to a take that somebody has reviewed."""
