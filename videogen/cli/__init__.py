"""What the commands do: run a task, wait for its renders, tell of stories, films and takes."""
