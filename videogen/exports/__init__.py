"""What leaves the house: a story's takes for an editor, and the story as a player."""
