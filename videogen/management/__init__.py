"""The commands of manage.py about video."""
