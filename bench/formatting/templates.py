"""Pages from Jinja templates, which lie beside the module that fills them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from bench.formatting import markdown

LATEX: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
"""Delimiters of a LaTeX template, where braces are the text's own."""


@cache
def template(path: Path) -> jinja2.Template:
    """The template in a file; an undefined name in it is an error.

    Args:
        path: `*.html` is escaped by Jinja, `*.md.jinja` has the filters `md`, `code` and `folded`,
            and
            `*.tex.jinja` has the delimiters `<< >>` and `<% %>`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=path.suffix == ".html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=path.suffix != ".html",
        undefined=jinja2.StrictUndefined,
        **(LATEX if path.suffixes[0] == ".tex" else {}),
    )
    filters = {"md": markdown.escape, "code": markdown.code, "folded": markdown.folded}
    environment.filters |= filters
    return environment.get_template(path.name)
