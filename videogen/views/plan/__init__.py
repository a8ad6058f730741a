"""The page of a batch's plan."""
