"""Whether an account may send something now: pauses, leases, quota."""
