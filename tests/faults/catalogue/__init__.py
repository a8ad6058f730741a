"""The faults, by the package of the product that they are in."""
