"""What came out of a training: words of memory, tables, pictures, and what they say of MIME's claim."""

from __future__ import annotations
