"""The tests on the oldest versions that setup.cfg allows: ``python -m benchmarks.oldest`` (or ``make oldest``)."""
