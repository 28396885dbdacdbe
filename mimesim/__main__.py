"""``python -m mimesim``."""

from __future__ import annotations

from mimesim.cli import main

if __name__ == "__main__":
    main()
