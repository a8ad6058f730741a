"""The page of a confirmed batch: its progress, and what a person may do about it."""
