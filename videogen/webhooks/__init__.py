"""Events that the video API sends us."""
