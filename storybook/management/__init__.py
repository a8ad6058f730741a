"""The commands of manage.py about stories."""
