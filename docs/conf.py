"""Sphinx builds the pages beside this file and a reference from docstrings: ``sphinx-build -W docs build/docs``."""

import re

import fastnn

project = "fastnn"
author = "the fastnn developers"
copyright = "2026, the fastnn developers, MIT license"
release = version = fastnn.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_templates"]
suppress_warnings = ["ref.python"]  # annotations that several classes answer to, such as Callback
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# reference/api.md lists what it is made of: a page a module or class, generated into reference/api/.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_type_aliases = {"Int": "int", "Float": "float", "Bool": "bool"}  # of methods that have these names
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"fastnn {release}"
html_show_sourcelink = False


def plain(app, what, name, thing, options, lines):
    """Docstrings are plain text: in formulas | and * mean what they say, and so does an _ at the end of a name."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...", "* ")):
            parts = re.split(r"(``.*?``)", line)
            parts[::2] = [re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon, whose own * are markup
