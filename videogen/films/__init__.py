"""Films: the takes on the path to an ending, joined into one file."""
