"""The pages: what each shows, and what its buttons do."""
