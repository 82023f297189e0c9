"""What the HTML page of a report carries."""

from __future__ import annotations

import base64
import gzip
import re


def data_text(html: str) -> str:
    """The JSON on the page."""
    packed = re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1)
    return gzip.decompress(base64.b64decode(packed)).decode()
