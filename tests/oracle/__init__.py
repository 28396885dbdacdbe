"""Independent, deliberately slow models of the machine."""
