"""The operation of an installation: system checks, doctor, watchdog, local processes."""
