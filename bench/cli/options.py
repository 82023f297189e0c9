"""What the commands share: the console, common options, and options made of a model's fields."""

from __future__ import annotations

import inspect
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


def given_path(text: str | Path) -> Path:
    """A path as it was typed; an empty one is refused, for it would mean the current folder."""
    if text == "":
        raise typer.BadParameter("it must be a path, got ''")
    return Path(text)


def path_option(*names: str, **about: Any) -> Any:
    """A `typer.Option` whose value is a path."""
    return typer.Option(*names, parser=given_path, metavar="PATH", **about)


def path_argument(**about: Any) -> Any:
    """A `typer.Argument` whose value is a path."""
    return typer.Argument(parser=given_path, **about)


Data = Annotated[
    Path | None,
    path_option(help="Folder of the data sets.", envvar="SLEEPBENCH_DATA", show_default="data"),
]
Jobs = Annotated[int, typer.Option(min=1, help="Runs at once, each on its own cores.")]
AnyJobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Runs at once, each on its own cores.",
        show_default="1; as many as --device names; all cores of a Ray cluster",
    ),
]
Download = Annotated[bool, typer.Option("--download", help="Fetch missing data sets first.")]
Log = Annotated[str, typer.Option(help="Loggers told how runs go: csv,tensorboard,wandb,mlflow.")]
Out = Annotated[Path, path_option(help="Folder of the records.")]


def options_of(model: type[BaseModel], name: str) -> Callable[[Callable[..., None]], Any]:
    """Give a command an option for each field of a model.

    Rule, default and help text are the field's own. A mapping is given by repeating its option, as
    `name=value`; what is wrong is told by the model.

    Args:
        name: the parameter of the command that takes what was given, text by field.
    """
    parameters = _parameters(model)

    def decorate(command: Callable[..., None]) -> Any:
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != name
        ]

        @wraps(command)
        def with_options(**values: Any) -> None:
            given = {field: values.pop(field) for field in parameters}
            told = {field: value for field, value in given.items() if value not in (None, [])}
            command(**{name: told}, **values)

        every = [*parameters.values(), *own]
        with_options.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        with_options.__annotations__ = {each.name: each.annotation for each in every}
        return with_options

    return decorate


def _parameters(model: type[BaseModel]) -> dict[str, inspect.Parameter]:
    """The fields that have an option, as parameters that typer makes one of."""
    from bench.config.conditions import option, value_text

    found = {}
    for field, info in model.model_fields.items():
        called = option(field, info)
        if called.name is None:
            continue
        default = info.get_default(call_default_factory=True)
        kind, metavar = _kind(info)
        made = typer.Option(
            f"--{called.name}",
            help=info.description,
            metavar=metavar,
            show_default=False if default in (None, (), {}) else value_text(default),
            envvar=called.variable,
        )
        annotation: Any = Annotated[kind, made]
        found[field] = inspect.Parameter(
            field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
        )
    return found


def _kind(info: FieldInfo) -> tuple[Any, str]:
    """Of which type the option is, and what its help says of a value."""
    annotation = info.annotation
    if annotation is bool:
        return bool | None, ""
    if get_origin(annotation) is dict:
        return list[str] | None, "name=value"
    choices = _choices(annotation)
    if get_origin(annotation) is tuple:
        return str | None, ",".join(choices) or "a,b,c"
    return str | None, "|".join(choices) or "value"


def _choices(annotation: Any) -> list[str]:
    """The texts of the Literal in an annotation, if there is one."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [text for part in get_args(annotation) for text in _choices(part)]


def refuse_beside(option: str, given: Mapping[str, Any], model: type[BaseModel]) -> None:
    """ValueError if a field was given beside a file that declares all of them.

    Args:
        option: what the file was given as.
    """
    from bench.config.conditions import option as called

    for field in given:
        name = called(field, model.model_fields[field]).name
        raise ValueError(f"--{option} declares every run: --{name} cannot be given beside it")


def make_console() -> Any:
    """The console that is printed to: 120 columns wide where nobody says how wide it is."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=120)


def typed(arguments: list[str] | None = None) -> str:
    """The command as it was typed, which records keep.

    Args:
        arguments: None for those of this process.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return shlex.join(["python", "-m", "bench", *words])


def require_folder(folder: Path) -> None:
    """ValueError unless the folder is there."""
    if not folder.is_dir():
        got = "a file" if folder.exists() else "none there"
        raise ValueError(f"{folder} must be a folder, got {got}")
