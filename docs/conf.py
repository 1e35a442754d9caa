"""Sphinx: ``make docs`` treats every warning, a dead reference too, as an error."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project = "aiodockercloud"
release = version = version_of("aiodockercloud")
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    # The page that the benchmarks write.
    "myst_parser",
    "sphinx_design",
    "plain_reference",
    "openapi",
]
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
# The heading of a page names the module; types are links.
add_module_names = False
python_use_unqualified_type_names = True
# Defaults as the code names them, and each parameter of a long signature on its line.
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_use_ivar = True
# Outside the package things have their documentation elsewhere; type variables none.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!aiodockercloud).*"),
    (r"py:class", r"aiodockercloud\..*\.[EKLRST]"),
    # How a list reads its filters has no page.
    (r"py:class", r"aiodockercloud\.resources\.filters\..*"),
    # The inner parts of a running server have no page.
    (r"py:class", r"aiodockercloud\.server\.(engines|control)\..*"),
]
# The class "object" is not the key "object" of two types.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"aiodockercloud {release.partition('+')[0]}"
html_static_path = ["_static"]
html_css_files = ["reference.css"]
