"""The documentation of the columns: what each means, where it comes from and where it stands."""

from __future__ import annotations

from pathlib import Path

from bench.formatting.markdown import table
from bench.formatting.templates import template
from bench.leaderboards.columns import COLUMNS, TABLES
from bench.leaderboards.page import Folders

TEMPLATE = Path(__file__).with_name("columns.md.jinja")


def columns_markdown(folders: Folders) -> str:
    """The page of every column, in the order of the CSV table.

    Args:
        folders: of the records and the pages, for the command.
    """
    rows = []
    for column in COLUMNS.values():
        names = ", ".join(f"`{column.name}{end}`" for end in column.csv)
        tables = ", ".join(name for name, names in TABLES.items() if column.name in names)
        title = f"{column.title}, {column.unit}" if column.unit else column.title
        meaning = column.meaning.replace("|", r"\|")
        rows.append([title, names or "-", meaning, column.source or "-", tables or "-"])
    header = ["column", "in the CSV table", "meaning", "source", "also in"]
    text = "\n".join(table(header, rows))
    return template(TEMPLATE).render(command=folders.command, table=text)
