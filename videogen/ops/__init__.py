"""What keeps an installation in order: checks, doctor, watchdog, local processes."""
