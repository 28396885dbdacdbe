"""The Verilog model in ``rtl/`` against the simulator: vectors, a runner, and the tests (``docs/rtl.md``)."""
