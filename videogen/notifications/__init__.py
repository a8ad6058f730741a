"""What people are told of, by e-mail and by webhook."""
