"""Turns the shots of a storybook into video: plans, paid renders, takes, films and exports."""
