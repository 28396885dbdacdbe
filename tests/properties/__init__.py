"""Laws and comparisons that must hold for whatever hypothesis draws."""
