"""Do the tests notice? Faults are put into the simulator one at a time; ``python -m benchmarks.mutation --help``."""
