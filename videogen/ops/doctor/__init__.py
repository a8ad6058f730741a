"""`manage.py doctor`: what is in order in this installation, what is not, and what to do about it.

run.py has the list of checks. A check is a function that takes an Examination and yields findings;
report.py shows them. This file imports nothing, because the doctor must answer even if the
application does not start.
"""
