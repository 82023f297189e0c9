"""Commands that show what there is and how it works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field

from bench.cli.options import Data, make_console, options_of, path_option
from bench.config.conditions import Option, option_names
from bench.config.declaration import BudgetText
from bench.config.run_config import Scenario
from bench.config.suite import Suite

app = typer.Typer()


@app.command(name="list")
def list_(
    name: Annotated[
        str | None, typer.Argument(help="Show this strategy, or this benchmark, in detail.")
    ] = None,
) -> None:
    """Show every benchmark, strategy, model and tested paper, or one in detail."""
    from rich.table import Table

    from bench.config.catalogue import BENCHMARKS, MODELS
    from bench.papers.declaration import summaries
    from strategies.import_path import is_import_path
    from strategies.registry import STRATEGIES
    from strategies.suggestions import suggest

    console = make_console()
    if name is not None:
        is_benchmark = name.partition("?")[0] in BENCHMARKS
        if not (is_benchmark or name in STRATEGIES or is_import_path(name)):
            raise ValueError(suggest("strategy or benchmark", name, {*STRATEGIES, *BENCHMARKS}))
        (_show_benchmark if is_benchmark else _show_strategy)(name, console)
        return
    for title, entries in (
        ("benchmark", {n: (b.summary, b.paper, b.scenarios) for n, b in BENCHMARKS.items()}),
        ("strategy", {n: (s.summary, s.paper, s.scenarios) for n, s in STRATEGIES.items()}),
        ("model", {n: (m.summary, m.paper, ()) for n, m in MODELS.items()}),
    ):
        table = Table(title, "what", "scenarios", "paper", box=None, header_style="bold")
        for known, (summary, paper, scenarios) in entries.items():
            table.add_row(known, summary, ", ".join(scenarios), paper)
        console.print(table)
        console.print()
    papers = Table("paper", "what is tested", box=None, header_style="bold")
    for paper, summary in summaries().items():
        papers.add_row(paper, summary)
    console.print(papers)
    console.print()
    console.print("a paper's claims, published and measured: python -m bench reproduce PAPER")
    console.print(
        "hyper-parameters of a strategy, options of a benchmark: python -m bench list NAME"
    )


def _show_benchmark(name: str, console: Any) -> None:
    """What the catalogue says of one benchmark, and the options that its id can have."""
    from rich.markup import escape
    from rich.table import Table

    from bench.config.catalogue import find_benchmark
    from bench.formatting.numbers import counted

    spec = find_benchmark(name)
    console.print(f"[bold]{escape(name)}[/]: {escape(spec.summary)}")
    console.print(escape(f"paper: {spec.paper}; scenarios: {', '.join(spec.scenarios)}"))
    experiences = f"{counted(spec.length, 'experience')}; " if spec.length else ""
    nights = f"{spec.nights} nights; " if spec.by_night else ""
    console.print(escape(f"{nights or experiences}data: {spec.data}; default model: {spec.model}"))
    table = Table("option", "default", "what it does", box=None)
    for example, default, what in _options_of(name.partition("?")[0]):
        table.add_row(*map(escape, (example, default, what)))
    if table.rows:
        console.print(table)
        console.print("written behind a question mark, joined by &")


def _options_of(name: str) -> Iterator[tuple[str, str, str]]:
    """Example, default and meaning of each option that a benchmark does not refuse."""
    from dataclasses import fields

    from docstring_parser import parse

    from bench.config.catalogue import find_benchmark
    from bench.config.stream_options import EXAMPLES, StreamOptions

    meanings = {one.arg_name: one.description for one in parse(StreamOptions.__doc__ or "").params}
    for (option, value), known in zip(EXAMPLES.items(), fields(StreamOptions), strict=True):
        with suppress(ValueError):  # it has no such option
            find_benchmark(f"{name}?{option}={value}")
            default = "-" if known.default is None else f"{known.default:g}"
            what = " ".join((meanings[known.name] or "").split())
            yield f"{option}={value}", default, what


def _show_strategy(name: str, console: Any) -> None:
    """What the registry and the code say of one strategy."""
    from rich.markup import escape
    from rich.table import Table

    from bench.strategy_docs import hyperparameters
    from strategies.building import find

    entry = find(name)
    console.print(f"[bold]{escape(name)}[/]: {escape(entry.summary)}")
    console.print(escape(f"paper: {entry.paper}; scenarios: {', '.join(entry.scenarios)}"))
    console.print(escape(f"import: {entry.factory}"))
    table = Table("hyper-parameter", "default", "what it does and may be", box=None)
    own = hyperparameters.hyperparameters(entry)
    shared = [
        p for p in hyperparameters.training_hyperparameters() if p.name not in {o.name for o in own}
    ]
    for parameter in (*own, *shared):
        default = hyperparameters.value_text(parameter.default)
        table.add_row(*map(escape, (parameter.name, default, parameter.meaning)))
    console.print(table)
    console.print(f"\n{hyperparameters.docstring(entry.factory)}", markup=False, highlight=False)


@app.command()
def docs(
    out: Annotated[Path, path_option(help="Folder of the page.")] = Path("docs"),
    strategies: Annotated[
        list[str] | None, typer.Argument(help="Draw only these anew.", show_default="all")
    ] = None,
) -> None:
    """Write the page that explains every strategy, with its schedule drawn from a short run."""
    from bench.strategy_docs import page

    total = 1 + len(page.figures(strategies or ()))
    for number, path in enumerate(page.write(out, strategies or ()), 1):
        typer.echo(f"[{number}/{total}] {path}")


@app.command(name="plot-stream")
def plot_stream(
    benchmark: Annotated[str, typer.Argument(help="Id: split-mnist?sigma=0.1.")],
    scenario: Annotated[Scenario, typer.Option(help="class or domain.")] = "class",
    base_seed: Annotated[int, typer.Option(min=0, help="As of a run.")] = 0,
    out: Annotated[Path, path_option(help="Figure to write: .png and .svg.")] = Path("stream.png"),
    data: Data = None,
) -> None:
    """Draw a stream: what share of each experience every class has."""
    from bench.config.budget import Budget
    from bench.config.catalogue import find_benchmark
    from bench.config.run_config import RunConfig

    spec = find_benchmark(benchmark)
    spec.check_scenario(benchmark, scenario)
    config = RunConfig(
        benchmark=benchmark, scenario=scenario, model=spec.model, strategy="naive",
        budget=Budget(amount=1), base_seed=base_seed,
    )  # fmt: skip
    from bench.data.stream_figure import class_counts, stream_figure
    from bench.data.streams import make_benchmark
    from bench.formatting.plotting import save

    made = make_benchmark(
        config.benchmark, scenario, data_root=data, class_seed=config.seed("classes")
    )
    names = [str(target) for target in range(made.n_classes)]
    save(stream_figure(config.benchmark, class_counts(made), names), out.with_suffix(""))
    typer.echo(f"{out.with_suffix('.png')} {out.with_suffix('.svg')}")


class OneNight(Suite):
    """The run whose night is drawn: a suite of one."""

    scenarios: Annotated[tuple[Scenario, ...], Option("scenario")] = Field(
        default=("class",), description="What is told of the task."
    )
    strategies: Annotated[tuple[str, ...], Option(None)] = ("sleep-replay",)
    budget: BudgetText = "100000steps"


@app.command(name="plot-night")
@options_of(OneNight, "given")
def plot_night(
    given: dict[str, Any],
    strategy: Annotated[str, typer.Argument(help="One that sleeps with replay.")] = "sleep-replay",
    out: Annotated[Path, path_option(help="Figure to write: .png and .svg.")] = Path("night.png"),
    experience: Annotated[int, typer.Option(min=1, help="Whose last night, from 1.")] = 2,
    data: Data = None,
) -> None:
    """Draw one night: who spiked when, and the weights before and after it."""
    suite = OneNight.of({"strategies": [strategy], **given}, called=option_names(OneNight))
    configs = suite.configs()
    if len(configs) != 1:
        raise ValueError(f"the options must describe one run, got {len(configs)} runs")
    from bench.formatting.plotting import save
    from bench.strategy_docs.spike_figure import night_figure
    from bench.strategy_docs.spike_trace import trace_night

    [config] = configs
    trace = trace_night(config, experience=experience - 1, data_root=data)
    title = f"{strategy}, {config.benchmark}, night of experience {experience}"
    save(night_figure(title, trace), out.with_suffix(""))
    typer.echo(f"{out.with_suffix('.png')} {out.with_suffix('.svg')}")
