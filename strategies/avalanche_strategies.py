"""Which of Avalanche's own strategies run by their import path, and why the others do not.

Seen with avalanche-lib 0.6; `docs/reference/avalanche-strategies.md` shows it. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from strategies.entry import ALL, Entry

ONE_HEAD = ("class", "domain")
"""Scenarios in which the model is called without task labels."""

FUNCTION = "make both in a function of your own (docs/how-to/own-strategy.md)"
"""What to do about an argument that is an object."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one of Avalanche's strategies.

    Attributes:
        scenarios: those it can do.
        needs: hyper-parameters that must be given, with what to give.
        defaults: what it insists on although one value fits all.
        ranked: False for one that sees all data at once.
        refused: why it cannot be run by its import path, as words that follow it; "" if it can.
        balances_tasks: see `Entry`.
    """

    scenarios: tuple[str, ...] = ALL
    needs: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, None] = field(default_factory=dict)
    ranked: bool = True
    refused: str = ""
    balances_tasks: bool = False


SEEN: Mapping[str, Seen] = {
    "AETraining": Seen(refused="trains an autoencoder, which names no class: there is no accuracy"),
    "AGEM": Seen(needs={"patterns_per_exp": "a whole number, examples stored per experience"}),
    "AR1": Seen(
        refused="builds a MobileNet of its own for images of 128 pixels, with weights that it "
        "downloads: the model of the run would not be used"
    ),
    "BiC": Seen(
        refused="sets the data of an experience, which Avalanche 0.6 itself forbids: no experience "
        "can begin"
    ),
    "CWRStar": Seen(scenarios=ONE_HEAD, defaults={"cwr_layer_name": None}),
    "CoPE": Seen(
        refused="stops after one minibatch of each experience: it is for streams whose experiences "
        "are minibatches"
    ),
    "Cumulative": Seen(balances_tasks=True),
    "DER": Seen(scenarios=ONE_HEAD),
    "ER_ACE": Seen(),
    "ER_AML": Seen(refused=f"needs a feature extractor beside the model: {FUNCTION}"),
    "EWC": Seen(needs={"ewc_lambda": "a number, the weight of the penalty"}),
    "ExpertGateStrategy": Seen(
        refused="needs Avalanche's ExpertGate for its model, an AlexNet with weights that it "
        "downloads, and trains autoencoders outside the budget"
    ),
    "FeatureReplay": Seen(
        scenarios=ONE_HEAD,
        needs={"last_layer_name": "text, the name of the model's last layer: '\"5\"' for mlp"},
    ),
    "FromScratchTraining": Seen(),
    "GDumb": Seen(balances_tasks=True),
    "GEM": Seen(needs={"patterns_per_exp": "a whole number, examples stored per experience"}),
    "GSS_greedy": Seen(
        refused="needs input_size, a list, which no option can give: call it in a function of your "
        "own (docs/how-to/own-strategy.md)"
    ),
    "GenerativeReplay": Seen(
        refused="makes a generator for images of 28 x 28 only and trains it for as many epochs as "
        "the strategy, which a budget leaves without end"
    ),
    "ICaRL": Seen(
        refused="needs a feature extractor and a classifier instead of a model: run icarl, which "
        "makes both"
    ),
    "JointTraining": Seen(ranked=False, balances_tasks=True),
    "LFL": Seen(
        refused=f"needs a model that is one of Avalanche's BaseModel, with get_features: {FUNCTION}"
    ),
    "LaMAML": Seen(
        refused="needs the package higher, which is no longer kept up: run "
        "avalanche.training.supervised.lamaml_v2:LaMAML"
    ),
    "lamaml_v2:LaMAML": Seen(scenarios=("task",)),
    "LearningToPrompt": Seen(
        refused="builds a vision transformer of its own, with weights that it downloads: the model "
        "of the run would not be used"
    ),
    "LwF": Seen(
        needs={
            "alpha": "a number, the weight of the old network's answers",
            "temperature": "a number that softens them: 2",
        }
    ),
    "MAS": Seen(),
    "MER": Seen(),
    "MIR": Seen(
        scenarios=("class",),  # it replays no label of the last minibatch: of 0 and 1, none
        needs={
            "mem_size": "a whole number, the stored examples in all",
            "subsample": "a whole number, stored examples among which it looks",
        },
    ),
    "Naive": Seen(),
    "ObjectDetectionTemplate": Seen(
        refused="finds objects in images, for which there is no benchmark here"
    ),
    "OnlineNaive": Seen(refused="is deprecated and takes no number of epochs: run naive"),
    "PNNStrategy": Seen(
        refused="needs Avalanche's PNN for its model, which has no layers before its first "
        "experience: a run needs a model that answers from the start"
    ),
    "PackNet": Seen(
        refused="prunes at an epoch of a number that a budget does not know: run avalanche-packnet"
    ),
    "Replay": Seen(),
    "SCR": Seen(
        refused=f"needs Avalanche's SCRModel, with an optimizer of its weights: {FUNCTION}"
    ),
    "StreamingLDA": Seen(
        refused="needs a feature extractor instead of a model, and goes on to the end of an epoch "
        "when the budget has ended"
    ),
    "SynapticIntelligence": Seen(needs={"si_lambda": "a number, the weight of the penalty"}),
    "VAETraining": Seen(refused="trains a generator, which names no class: there is no accuracy"),
}
"""Every strategy of `avalanche.training`, by class; `module:class` where two share a name."""


def avalanche_entry(path: str, summary: str) -> Entry | None:
    """The entry of one of Avalanche's strategies; None for anything else.

    Args:
        path: `module:name`.
        summary: what it does, in one line.
    """
    module, _, name = path.partition(":")
    if module.split(".")[:2] != ["avalanche", "training"]:
        return None
    seen = SEEN.get(f"{module.rpartition('.')[2]}:{name}", SEEN.get(name))
    if seen is None:
        return None
    return Entry(
        path,
        summary,
        "-",
        scenarios=seen.scenarios,
        needs=seen.needs,
        defaults=seen.defaults,
        ranked=seen.ranked,
        refused=seen.refused,
        balances_tasks=seen.balances_tasks,
    )
