"""Sphinx: ``make docs`` treats every warning, a dead reference too, as an error."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "aiodockercloud"
release = version = version_of("aiodockercloud")
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
napoleon_use_ivar = True
# Everything outside the package has its documentation elsewhere.
nitpick_ignore_regex = [(r"py:.*", r"(?!aiodockercloud).*")]

html_theme = "furo"
html_title = f"aiodockercloud {release}"
