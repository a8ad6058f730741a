"""Stories as their producers know them, and the project: settings, addresses, the site."""
