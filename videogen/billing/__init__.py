"""What may be spent, what was spent and what it will take."""
