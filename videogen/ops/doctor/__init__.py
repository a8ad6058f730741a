"""What is in order here and what is not, with what to do about it: `manage.py doctor`.

run.py has the list of checks; each of them is a function from what is known so far to
findings. Nothing here says how findings are shown, apart from report.py. This file imports
nothing: findings have to be told even where the application does not start.
"""
