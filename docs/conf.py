"""Sphinx builds the pages beside this file and a reference from docstrings: ``sphinx-build -W docs build/docs``."""

import fastnn

project = "fastnn"
author = "the fastnn developers"
copyright = "2026, the fastnn developers, MIT license"
release = version = fastnn.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_templates"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# reference/api.md lists what it is made of: a page a module or class, generated into reference/api/.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"fastnn {release}"
html_show_sourcelink = False
