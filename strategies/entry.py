"""How a strategy is declared: its entry, and the explanation that its page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from strategies.search_space import Space

ALL = ("task", "class", "domain")
"""Every scenario."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What no code can say of a strategy with a schedule, in Markdown.

    Attributes:
        does: what it does, in plain words.
        whose: what is the paper's and what is our choice.
        memory: what counts as weights used, and what is stored besides.
        use: when to use it.
    """

    does: str
    whose: str
    memory: str
    use: str


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What no code can say of a dense strategy, which trains all weights and never sleeps.

    Attributes:
        does: what it does, in plain words.
        memory: what is stored besides the network.
        meanings: what its hyper-parameters do, where the code that takes them is not ours.
    """

    does: str
    memory: str
    meanings: Mapping[str, str] = field(default_factory=dict)


Family = Literal["sparse", "sleep", "replay", "regularised", "plain"]
FAMILIES: tuple[Family, ...] = get_args(Family)
"""By what a strategy keeps what it knows: few weights, nights, stored examples, a penalty, or
nothing of these."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What of a strategy was compared with its paper or with a public implementation.

    Attributes:
        on: the data.
        published: the figure, as its source gives it.
        measured: the figure under that protocol, with its interval over seeds.
        verdict: whether they agree.
        page: the folder of leaderboards that holds the comparison and its records.
    """

    on: str
    published: str
    measured: str
    verdict: Literal["yes", "no", "not comparable"]
    page: str


@dataclass(frozen=True)
class Entry:
    """A strategy of the benchmark.

    Attributes:
        factory: `module:name` of a `SupervisedTemplate` class, or of a function that returns one.
        summary: what it does, in one line.
        paper: authors and year, "-" for none.
        scenarios: those it can do; every other is refused before a run starts.
        defaults: hyper-parameters whose default differs from the factory's own, or that have none.
        space: what a search varies unless it is told otherwise; each default lies in its range.
        ranked: False for upper bounds that see all data at once.
        presets: values of several hyper-parameters at once, by the name that `preset` takes.
        family: by what it keeps what it knows; figures give each a colour.
        reproduced: comparisons with its source; none says that nobody has looked.
        explanation: what its page says; None shows the factory's docstring.
        stores: what it keeps besides the weights that answers need and its masks: training
            examples, or statistics, such as importances or earlier weights, or only weights of the
            network that go on training. The tests compare this with what is counted.
        needs: hyper-parameters that must be given though the factory may have a default, with what
            to give.
        refused: why it cannot be run from its id, as words that follow it; "" if it can.
        balances_tasks: whether its minibatches have examples of every task so far where tasks are
            told, so that they must be as large as there are tasks.
        new_classes: whether no class of an experience may come again in a later one.
    """

    factory: str
    summary: str
    paper: str
    scenarios: tuple[str, ...] = ALL
    defaults: Mapping[str, Any] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    ranked: bool = True
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    family: Family = "plain"
    reproduced: tuple[Reproduction, ...] = ()
    explanation: Explanation | Baseline | None = None
    stores: Literal["nothing", "weights", "statistics", "examples"] = "nothing"
    needs: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    balances_tasks: bool = False
    new_classes: bool = False
