"""How Sphinx builds the documentation site: ``make docs``. The pages are those of docs/, as a code host shows them."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import mimesim  # noqa: E402 -- found by the line above

project = "mimesim"
author = "The mimesim authors"
version = release = mimesim.__version__

# The root of the tree is where Sphinx looks, so that links from page to page are the same here and on a code host.
root_doc = "docs/site/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/RESULTS.md",
    "benchmarks/mutation/RESULTS.md",
    "benchmarks/oldest/RESULTS.md",
    "docs/*.md",
    "docs/site/*.md",
    "notebooks/*.md",
    "notebooks/*.ipynb",
    "traces/README.md",
    "traces/**/results.md",
]
exclude_patterns = [".*", "build", "dist", "out", "runs", "tests"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "reference"]
myst_heading_anchors = 3
nitpicky = True
# What signatures name besides what the site describes. The site is built without a network, so nothing is looked up.
nitpick_ignore_regex = [
    (r"py:class", r"(collections\.abc|pathlib|pandas|pd|numpy)\..*"),
    (r"py:class", r"mimesim\.(config|network|simulation|timeline|trace)\..*"),
    (r"py:meth", r"Network\..*"),
    # Signatures that name a data frame are not evaluated: pandas is imported only when one is made.
    (r"py:class", r"Engine|Path|Progress"),
]

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 900

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}

html_theme = "furo"
html_title = f"mimesim {release}"
html_show_sphinx = False
html_copy_source = False
html_extra_path = ["redirect"]
