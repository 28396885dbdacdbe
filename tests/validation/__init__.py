"""Comparisons with what others published or built; ``python -m tests.validation`` writes the figures of the page."""
