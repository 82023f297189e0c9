"""The reference, made from the code: commands, fields of a run and of a record, modules."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import Any

import griffe
import typer
from pydantic import BaseModel
from typer.cli import get_docs_for_click
from typer.main import get_command

from bench.cli.app import app
from bench.config.run_config import RunConfig
from bench.records import schema

RECORD = (
    schema.RunRecord, schema.Outcome, schema.Cost, schema.WeightsInUse, schema.Environment,
    schema.Calibration,
)  # fmt: skip
log = logging.getLogger("mkdocs.hooks")


def reference(root: Path) -> dict[str, str]:
    """The text of each page by its place in the site."""
    packages = [griffe.load(name, search_paths=[str(root)]) for name in ("bench", "strategies")]
    for package in packages:
        complain_of_undocumented(package)
    modules = {
        f"reference/modules/{folder.path.replace('.', '-')}.md": modules_page(folder)
        for package in packages
        for folder in folders(package)
    }
    bench = packages[0]
    return modules | {
        "reference/command-line.md": command_line(),
        "reference/run.md": fields_page("Fields of a run", (RunConfig,), bench),
        "reference/record.md": fields_page("Fields of a record", RECORD, bench),
    }


def command_line() -> str:
    """Every command with its options."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="python -m bench")
    text = re.sub(r"\*\*Commands\*\*:\n\n(\*.*\n)+", "", text)  # cut short; the contents list them
    return text.replace("# `python -m bench`", "# Command line", 1).replace("$ python", "python")


def fields_page(title: str, models: tuple[type[BaseModel], ...], package: griffe.Object) -> str:
    """A table of fields for each model: type and bounds from its schema, words from its source."""
    parts = [f"# {title}"]
    for model in models:
        source = package[f"{model.__module__}.{model.__name__}".split(".", 1)[1]]
        meanings = documented(source)
        lines = ["| field | type | default | meaning |", "|---|---|---|---|"]
        for name, field in model.model_json_schema()["properties"].items():
            default = f"`{field['default']!r}`" if "default" in field else "-"
            meaning = " ".join((field.get("description") or meanings.get(name, "")).split())
            cells = [f"`{name}`", kind(field), default, meaning]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        doc = (inspect.getdoc(model) or "").partition("\n")[0]
        parts += [f"## {model.__name__}", doc, "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def documented(source: griffe.Object) -> dict[str, str]:
    """What a class says of its fields: in a string below each, or in its section of attributes."""
    found = {n: m.docstring.value for n, m in source.members.items() if m.docstring}
    for section in source.docstring.parse("google") if source.docstring else ():
        if section.kind is griffe.DocstringSectionKind.attributes:
            found |= {attribute.name: attribute.description for attribute in section.value}
    return found


def kind(field: dict[str, Any]) -> str:
    """The type that a JSON schema gives to a field, in words."""
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(kind(choice) for choice in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "prefixItems" in field:
        return "pair of " + " and ".join(kind(item) for item in field["prefixItems"])
    if field.get("type") == "array":
        return f"list of {one(field['items'])}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping to {one(field['additionalProperties'])}"
    return " ".join([field.get("type", "any"), *bounds(field)])


def one(field: dict[str, Any]) -> str:
    """The type of an item, in brackets where it has several parts."""
    text = kind(field)
    return f"({text})" if " or " in text else text


def bounds(field: dict[str, Any]) -> list[str]:
    """The least and the greatest value of a number."""
    least, above = field.get("minimum"), field.get("exclusiveMinimum")
    most, below = field.get("maximum"), field.get("exclusiveMaximum")
    words = {"at least": least, "above": above, "at most": most, "below": below}
    return [f"{word} {value:g}" for word, value in words.items() if value is not None]


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
