"""Deep Virtual Networks: tasks and levels of one backbone cut into units (Kim et al., CVPR 2019; arXiv 1904.04562)."""

from __future__ import annotations
