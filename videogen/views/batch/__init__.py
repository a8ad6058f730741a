"""The page of a batch under way."""
