"""What the site holds beside the pages of docs/: the README, the reference and what pages link to.

The README is its home. The reference is made from the code. Every committed file that a page links
to comes along, so that each number leads to its records.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path

import griffe
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.cli import get_docs_for_click
from typer.main import get_command

from bench.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
HOME = ROOT / "README.md"
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]+)")
log = logging.getLogger("mkdocs.hooks")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what docs/ does not hold, and the pages of each folder to the navigation."""
    pages = [DOCS / file.src_uri for file in files.documentation_pages()]
    for uri, text in reference().items():
        files.append(File.generated(config, uri, content=text))
    for path in (HOME, *linked([HOME, *pages])):
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
    """An entry of the navigation, a folder replaced by its pages in the order of their names."""
    ((title, target),) = entry.items()
    if isinstance(target, list):
        return {title: [expanded(inner, files) for inner in target]}
    if not target.endswith("/"):
        return entry
    uris = sorted(file.src_uri for file in files.documentation_pages())
    return {title: [uri for uri in uris if posixpath.dirname(uri) + "/" == target]}


def reference() -> dict[str, str]:
    """The pages that are made from the code."""
    pages = {
        "reference/command-line.md": command_line(),
        "reference/run.md": "# Fields of a run\n\n::: bench.config.run_config.RunConfig\n",
        "reference/record.md": "# Fields of a record\n\n::: bench.records.schema\n",
    }
    for package in ("bench", "strategies"):
        module = griffe.load(package, search_paths=[str(ROOT)])
        complain_of_undocumented(module)
        for folder in folders(module):
            name = folder.path.replace(".", "-")
            pages[f"reference/modules/{name}.md"] = modules_page(folder)
    return pages


def command_line() -> str:
    """Every command with its options."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="python -m bench")
    text = re.sub(r"\*\*Commands\*\*:\n\n(\*.*\n)+", "", text)  # cut short; the contents list them
    return text.replace("# `python -m bench`", "# Command line", 1).replace("$ python", "python")


def folders(module: griffe.Module) -> list[griffe.Module]:
    """The package and the packages in it."""
    inner = [m for m in module.modules.values() if m.is_package or m.is_subpackage]
    return [module, *(found for package in inner for found in folders(package))]


def modules_page(folder: griffe.Module) -> str:
    """One page for the modules of a folder."""
    names = [m.path for m in folder.modules.values() if not m.is_package and not m.is_subpackage]
    shown = "\n\n".join(f"::: {name}" for name in names if not name.endswith("__"))
    doc = folder.docstring.value if folder.docstring else ""
    return f"# {folder.path}\n\n{doc}\n\n{shown}\n"


def complain_of_undocumented(module: griffe.Object) -> None:
    """Warn, which fails a strict build, of every public definition without a docstring."""
    for name, member in module.members.items():
        if name.startswith("_") or member.is_alias or member.is_attribute:
            continue
        if not member.has_docstring:
            log.warning("%s is public and has no docstring", member.path)
        if not member.is_function:
            complain_of_undocumented(member)
