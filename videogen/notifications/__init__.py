"""Notifies people of what has happened, by e-mail and by webhook."""
