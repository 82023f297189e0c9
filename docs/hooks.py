"""What the site holds beside the pages of docs/: the README, the reference and what pages link to.

The README is its home. The reference is made from the code. The page of each paper, and every
committed file that a page links to, comes along, so that each number leads to its records.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatch
from pathlib import Path

from code_pages import reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
HOME = ROOT / "README.md"
PAPERS = "leaderboards/*/README.md"
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what docs/ does not hold, and the pages of each folder to the navigation."""
    pages = [DOCS / file.src_uri for file in files.documentation_pages()]
    for uri, text in reference(ROOT).items():
        files.append(File.generated(config, uri, content=text))
    papers = sorted(ROOT.glob(PAPERS))
    for path in dict.fromkeys([HOME, *papers, *linked([HOME, *papers, *pages])]):
        files.append(File.generated(config, site_uri(path), abs_src_path=str(path)))
    config.nav = [expanded(entry, files) for entry in config.nav or []]
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Point links at where the site has the file."""
    source = page.file.abs_src_path
    if source is None:
        return markdown
    folder = posixpath.dirname(page.file.src_uri)

    def moved(found: re.Match[str]) -> str:
        target = (Path(source).parent / found[1]).resolve()
        if not target.is_relative_to(ROOT):
            return found[1]
        return posixpath.relpath(site_uri(target), folder)

    return LINK.sub(moved, markdown)


def site_uri(path: Path) -> str:
    """Where the site has a file of the repository: docs/ is its root, the README its index."""
    if path == HOME:
        return "index.md"
    return path.relative_to(DOCS if path.is_relative_to(DOCS) else ROOT).as_posix()


def linked(pages: list[Path]) -> list[Path]:
    """The files outside of docs/ that pages link to, and those that these link to."""
    found: list[Path] = []
    queue, seen = list(pages), set(pages)
    while queue:
        page = queue.pop()
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            if path in seen or not path.is_file() or not path.is_relative_to(ROOT):
                continue
            seen.add(path)
            if not path.is_relative_to(DOCS):
                found.append(path)
            if path.suffix == ".md":
                queue.append(path)
    return found


def expanded(entry: dict, files: Files) -> dict:
    """An entry of the navigation: a folder or a pattern becomes its pages, in order of name."""
    ((title, target),) = entry.items()
    if isinstance(target, list):
        return {title: [expanded(inner, files) for inner in target]}
    pattern = f"{target}*" if target.endswith("/") else target
    if "*" not in pattern:
        return entry
    depth = pattern.count("/")
    uris = sorted((f.src_uri for f in files.documentation_pages()), key=posixpath.splitext)
    return {title: [uri for uri in uris if fnmatch(uri, pattern) and uri.count("/") == depth]}
