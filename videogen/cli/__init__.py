"""What `run_task` does: run a task, wait for its renders, report what came of them."""
