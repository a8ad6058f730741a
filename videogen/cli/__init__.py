"""The task that a command runs, with its waiting and its report."""
