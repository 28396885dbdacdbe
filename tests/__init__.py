"""Tests of mimesim."""
