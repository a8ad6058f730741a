"""What the simulated services answer, one module for each of them."""
