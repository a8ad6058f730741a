"""Faults made by hand: would a test notice? See fault.py, and `python -m tests.faults --help`."""
