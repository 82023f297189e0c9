"""Every leaderboard of a folder on one HTML page that needs nothing else: no network, no server.

What came from a record is data to the page: it lies there compressed, in letters that end no script
element, and the page's scripts only ever set text. Equal records give equal pages.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

from bench.formatting.templates import template
from bench.leaderboards.html_data import report_data
from bench.ranking.admission import Evidence

TEMPLATE = Path(__file__).with_name("report.html")
STYLE = TEMPLATE.with_suffix(".css")
SCRIPTS = tuple(
    TEMPLATE.with_name(f"report_{name}.js")
    for name in ("boards", "figure", "table", "details", "page")
)
"""The page's own scripts, one module in this order."""


def report_html(evidence: Evidence, *, records_root: Path) -> str:
    """The page.

    Args:
        evidence: the records, and why files were left out.
        records_root: where the records were read, for the paths by which it names them.
    """
    data = report_data(evidence.stored, records_root)
    library, script = figure_library(), "\n".join(map(_text, SCRIPTS))
    return template(TEMPLATE).render(
        boards=len(data["boards"]),
        records=len(evidence.stored),
        damaged=[evidence.damaged[path] for path in sorted(evidence.damaged)],
        script_hashes=" ".join(map(_script_hash, (library, script))),
        style=Markup(_text(STYLE)),
        library=Markup(library),
        script=Markup(script),
        data=_packed(data),
    )


@cache
def figure_library() -> str:
    """Vega-Embed with Vega, Vega-Lite and the interpreter that spares `eval`, as one script."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return re.sub(r"</(?=script)", r"<\\/", bundle, flags=re.IGNORECASE)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _script_hash(script: str) -> str:
    """What names a script in the page's policy, which runs no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _packed(data: dict[str, Any]) -> str:
    """JSON, compressed, in letters and digits: a fifth of its size, and nothing in it is a tag."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
