"""Sphinx configuration. Warnings are errors: build with ``python -m sphinx -W -b html docs docs/_build/html``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE / "_ext"))

import faunadb  # noqa: E402

project = "faunadb"
author = "the faunadb authors"
copyright = author
release = version = faunadb.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "fql_reference",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "fql/*.txt"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ExprArg": "ExprArg"}
autodoc_default_options = {"members": True, "show-inheritance": True}

html_theme = "furo"
html_title = f"faunadb {release}"
html_static_path = ["_static"]
html_css_files = ["wrap.css"]
html_theme_options = {"navigation_with_keys": True}

# "pycon" and "console" blocks are shown whole, prompts included: the tests run what is shown.
highlight_language = "text"
suppress_warnings = ["myst.strikethrough"]
