"""How dates and times are written, instead of as Django writes them in English."""
