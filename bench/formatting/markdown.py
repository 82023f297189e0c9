"""Markdown from text that is not to be trusted.

A page is opened by people who did not make the records on it, so whatever a record says is escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from bench.formatting.numbers import relative


def one_line(text: object) -> str:
    """Text without line breaks, control characters and halves of characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", str(text))


def escape(text: object) -> str:
    """Text of a record as harmless Markdown on one line."""
    return re.sub(r"([\\`*_{}\[\]|#~!])", r"\\\1", html.escape(one_line(text), quote=False))


def code(text: str) -> str:
    """Text as a code span; what would end it or its table cell is left out."""
    return f"`{re.sub('[`|]', '', one_line(text))}`"


def folded(title: str) -> str:
    """The start of a part that is folded until it is opened; `</details>` ends it."""
    return f'<details markdown="1">\n<summary>{escape(title)}</summary>'


def link(path: Path) -> str:
    """A relative path as the target of a Markdown link."""
    return quote(path.as_posix(), safe="/.")


def record_link(seed: str, status: str, path: Path, page: Path) -> str:
    """The seed of a run as a link to its record, with its status unless that is ok.

    Args:
        seed: as it is shown.
        status: of the run.
        path: of the record.
        page: where the link will stand.
    """
    text = seed if status == "ok" else f"{seed} {status}"
    return f"[{escape(text)}]({link(relative(path, page))})"


def files_left_out(damaged: Sequence[str]) -> list[str]:
    """The part of a page that names the files left out, a sentence each; nothing for none."""
    if not damaged:
        return []
    return ["", "## Files left out", "", *(f"- {escape(sentence)}" for sentence in damaged)]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; the cells are escaped already."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
