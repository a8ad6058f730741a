"""The clips of the simulator: read from a prompt, painted and encoded."""
