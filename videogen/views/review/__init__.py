"""The review room: one queue of takes across all stories, and verdicts on them."""
