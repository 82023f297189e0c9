"""What each strategy does, whose idea each part of it is, what it costs and when to use it.

Only what no code can say: names, defaults and ranges are read from the strategies themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Explanation:
    """A strategy with a schedule, in Markdown.

    Attributes:
        does: in plain words.
        whose: what is the paper's and what is our choice.
        memory: what counts as weights used, and what is kept beside them.
        use: when to use it.
    """

    does: str
    whose: str
    memory: str
    use: str


@dataclass(frozen=True)
class Baseline:
    """A dense strategy, which trains all weights at one learning rate and never sleeps.

    Attributes:
        meanings: of hyper-parameters whose own code is not ours.
    """

    does: str
    memory: str
    meanings: Mapping[str, str] = field(default_factory=dict)


_READING = (
    "Ball et al. 2020 ask what freezing costs. Their code and tables were not available to us, and "
    "how their unfrozen network answers earlier tasks is not published: this is one of four "
    "readings; the fourth, `packnet-dreaming`, is ours alone. Everything else is as in "
    "`packnet-frozen`."
)

EXPLANATIONS: Mapping[str, Explanation] = {
    "packnet-frozen": Explanation(
        "By day the task trains every weight that no earlier task owns, and sees those that are "
        "owned. Then comes a night: in each layer the largest of the weights just trained become "
        "the task's own, the others are set to zero and are free for later tasks. The rest of the "
        "budget retrains what the task owns. What is owned never moves again, so earlier tasks are "
        "answered exactly as they were.",
        "The paper's: one owner for each weight, pruning by magnitude within each layer, free "
        "weights that start from zero, a head for each task, later tasks that see the weights of "
        "earlier ones. Ours: the night comes at a share of the budget instead of after so many "
        "epochs; `density` is a share of all weights of a layer, where the paper prunes a share of "
        "those still free; biases and normalisation are kept for each task, where the paper keeps "
        "those of the first; weights are put back bit by bit after every step, which is exact "
        "under any optimizer and weight decay; the learning rate does not fall. `rounds`, "
        "`schedule`, `importance` and `tasks` are additions.",
        "Used: the weights that have an owner, and the heads, biases and normalisation of all "
        "tasks. Beside them the owners, ceil(log2(tasks + 1)) bits for each weight.",
        "The task is told and nothing may be forgotten. At density d there is room for 1/d tasks; "
        "`tasks` shares out the free weights when their number is known.",
    ),
    "packnet-unfrozen": Explanation(
        "As `packnet-frozen`, but every weight stays trainable: each task prunes the whole network "
        "anew and stores its mask. Earlier tasks are answered with their mask on the weights as "
        "they are now, so what later tasks change is forgetting. The largest weights tend to be "
        "chosen again, so the masks overlap and their union hardly grows.",
        _READING,
        "Used: the union of the masks, and the heads, biases and normalisation of all tasks. "
        "Beside them a bit for each weight and task.",
        "Weights are scarcer than accuracy, or to measure what freezing costs.",
    ),
    "packnet-snapshot": Explanation(
        "As `packnet-unfrozen`, but each task is answered with a copy of its weights as they were "
        "when it was done. Nothing is forgotten, and every copy counts.",
        _READING,
        "Used: the weights of all copies added up, and the heads, biases and normalisation of all "
        "tasks. Beside them a bit for each weight and task.",
        "To know how few weights a task needs when it may start from all the others and protects "
        "none: the lower end that the other readings are compared with.",
    ),
    "packnet-rehearsed": Explanation(
        "As `packnet-unfrozen`, but a buffer keeps examples of earlier tasks. After the night "
        "every step adds the loss of a minibatch of one earlier task, answered under its own mask, "
        "so that shared weights are found that serve both. A rehearsed minibatch is charged as a "
        "step at night: from the second task on that is half of the time after the prune.",
        _READING + " The buffer shares its places equally among the tasks.",
        "As `packnet-unfrozen`, and the bytes of the stored examples.",
        "A few examples may be stored, and overlapping masks are worth their price in time.",
    ),
    "packnet-dreaming": Explanation(
        "As `packnet-unfrozen`, but at night the weights of earlier tasks are put back to what "
        "they were before the day, and what the new task does not take is held there. From then on "
        "every step adds the loss of a dream: an image of the present, moved one step towards what "
        "an earlier subnetwork would see as one of its classes, which is to be answered as it was. "
        "A dreamt minibatch is charged as a step at night.",
        "The fourth reading of what Ball et al. 2020 leave open, ours alone. That a network keeps "
        "what it knows by training on what it makes itself is "
        "Behrouz et al. 2026, for language models; the gradient step that makes it an image is "
        "that of Mordvintsev et al. 2015, and answers kept on images of the present are those of "
        "`lwf`, which is what is left with `dream_step=0`.",
        "As `packnet-unfrozen`; no example and no statistic is stored. The weights before the task "
        "are held while it is trained, and not to answer.",
        "No example may be stored, and overlapping masks are worth their price in time.",
    ),
    "packnet-inferred": Explanation(
        "As `packnet-frozen`, for streams in which nobody tells the task: all classes share one "
        "output layer, each experience is a task, and a sample is answered by the task whose "
        "subnetwork is most certain of it.",
        "The subnetworks are the paper's, which is always told the task. Choosing by the least "
        "entropy, or the largest probability, is an addition.",
        "As `packnet-frozen`. Every answer takes one pass through the network for each task.",
        "Class-incremental streams, where forgetting nothing leaves only one thing to get wrong: "
        "the task.",
    ),
    "iterative-prune-budgeted": Explanation(
        "By day all weights train. The rest of the budget is cut into equal rounds: each begins "
        "with a night that prunes some of the weights and goes on with retraining, in which the "
        "learning rate falls to zero. Geometric rounds remove the same share of the survivors each "
        "time. The next experience begins with every weight trainable again, the pruned ones at "
        "zero.",
        "Ball et al. 2020 give the pruning phase a budget and ask how many rounds are best, as "
        "cycles of sleep. The learning rate that restarts in each round is that of Renda, Frankle "
        "& Carbin 2020, falling linearly as in Zimmer, Spiegel & Pokutta 2023. Ours: where the "
        "first prune lies, one ranking over all layers, and doing so in every experience of a "
        "stream.",
        "Used: every weight that is not zero, of the one network that answers all experiences. "
        "Nothing is kept beside it.",
        "The network must be small and the stream short, or a single experience: nothing protects "
        "earlier ones. For tasks beside one another give `rounds` to a `packnet`.",
    ),
    "iterative-prune-adaptive": Explanation(
        "As `iterative-prune-budgeted` without a number of rounds. A prune raises the training "
        "loss; how long half of that rise lasts tells how long a round should be, and so how many "
        "rounds fit into what is left of the budget. The number differs from one experience to "
        "the next.",
        "The question of how many rounds are best is that of Ball et al. 2020; the answer from the "
        "network's own recovery is ours.",
        "As `iterative-prune-budgeted`.",
        "As `iterative-prune-budgeted`, where trying numbers of rounds would cost more than it "
        "gains.",
    ),
    "sleep-replay": Explanation(
        "A short day of training, then a night in which the linear layers spike: noise with the "
        "mean of the day's inputs drives the first layer, and weights grow between neurons that "
        "fire together and shrink where only the target fires; established positive ones hardly "
        "move. No example is stored or shown. "
        "The experience ends with its night.",
        "The sleep, its plasticity and its normalisation are those of Tadros et al. 2022. Ours: "
        "mean input and largest outputs come from the present experience alone, where the paper "
        "takes all data seen so far (`data=seen`); cross-entropy and one learning rate; the night "
        "ends with the budget, or after `sleep_steps`; rates and thresholds were searched on split "
        "MNIST, at first by test accuracy. `preset=cifar10-features` was searched on held-out "
        "features of CIFAR-10; each other one holds the paper's own constants for a data set. "
        "Convolutions and normalisation before the linear layers stay awake.",
        "Used: every weight that is not zero, nearly all of them; biases are zero, unless asked "
        "for. Nothing is kept beside them, but examples with `buffer`, and data of "
        "earlier experiences with `data=seen` and `data=first`.",
        "Class-incremental streams in which no example may be stored. The network must end in "
        "linear layers.",
    ),
    "sleep-replay-noise": Explanation(
        "As `sleep-replay`, but every input spikes equally often, as often as the day's inputs do "
        "in the mean: the night is as long and as lively and knows nothing of what was seen.",
        "Golden et al. 2022 drive sleep with one rate for all neurons and find it nearly as good; "
        "in this form it is ours.",
        "As `sleep-replay`.",
        "As a control: what it reaches, the replay of what was learned has not to explain.",
    ),
    "sleep-replay-depression": Explanation(
        "As `sleep-replay`, but no weight grows at night: those of a neuron that fires shrink "
        "where their inputs do not.",
        "The rule of Tadros et al. 2022 without its potentiation.",
        "As `sleep-replay`.",
        "As a control: most of what sleep replay gains is this.",
    ),
    "staged-sleep": Explanation(
        "Days and nights in turn. A night goes through stages from left to right, in any order: "
        "`prune` by magnitude and `downscale` all weights, which take no time; spiking `replay`, "
        "`rehearse` stored examples and `dream`, which share the night; `align` the newest "
        "classes' outputs. `consolidate` shares it too and is what `knowledge-seeding` is made of: "
        "stages before it work on the small network of the day, those after it on the large one "
        "that answers. From its defaults it prunes and scales down, as in deep sleep, then "
        "replays and dreams, as in REM sleep.",
        "That sleep has several stages, of which one scales synapses down, is Robinson et al. "
        "2022; what each stage takes from which paper is said with it. Ours: any order, any number "
        "of nights, and that those stages that take time share it equally.",
        "Used: every weight that is not zero. Beside them what the stages keep: moments of the top "
        "hidden layer for `dream` and `consolidate`, examples for `rehearse`. What `consolidate` "
        "has masked is zero.",
        "To ask what each stage is good for, alone and with others. A stage after which a "
        "weight is not finite is undone.",
    ),
    "dreaming": Explanation(
        "A short day, then a night in which the network dreams of earlier classes: an activity of "
        "its top hidden layer, drawn for a class, runs backwards through its own weights down to "
        "an image. Dreams, answered as the network that dreamt them did, are trained on beside the "
        "examples of the day, and so is going backwards.",
        "That a network consolidates by training on what it makes itself, with a policy over what "
        "to dream trained by reinforcement, is Behrouz et al. 2026, for language models. Ours, "
        "since an image classifier cannot be sampled: tied weights run backwards as in a denoising "
        "autoencoder (Vincent et al. 2010), and what is drawn is a Gaussian at the top hidden "
        "layer.",
        "Used: every weight. Beside them the mean activity of each class and one covariance, a few "
        "tens of kilobytes; no example, and a copy of the network only while an experience lasts.",
        "Class-incremental streams in which no example may be stored. Linear layers with "
        "rectifiers between, no normalisation; convolutions below them learn in the first "
        "experience only.",
    ),
    "icarl-sleep": Explanation(
        "Avalanche's iCaRL by day: stored examples beside new ones, and the old network's answers "
        "kept. Then a night of sleep replay, after which examples are chosen and class means taken "
        "of the network as it woke. The nearest mean answers.",
        "That sleep adds to iCaRL is Tadros et al. 2022, whose whole network sleeps. Ours: the "
        "layers below the output sleep, since the output layer serves training alone, with the "
        "constants of `sleep-replay` here. The library takes the means of images and their mirror "
        "images, of digits too.",
        "Used: every weight that is not zero. Beside them the stored examples, their means and a "
        "copy of the network.",
        "To ask what sleep adds where a few examples may be stored; `icarl` is its control.",
    ),
    "knowledge-seeding": Explanation(
        "By day a small network learns the present experience from scratch. At night the large "
        "one, which answers, unmasks a share of its weights that were still at rest and trains "
        "those alone: on the day's examples as the small network answers them, and on dreams of "
        "earlier classes as it answered them itself before the night. Some of the dreams are the "
        "teacher's, some its own.",
        "Growing by unmasked slices of which only the newest is trained, from the teacher's data "
        "and the student's rollouts, and the reset of the fast network are Behrouz et al. 2026, "
        "for language models. Ours: dreams for sampled texts, as in `dreaming`; the day's own "
        "examples for the present classes; random slices of the weights for low-rank experts; "
        "output layer and biases that every night trains; no reward for imitation.",
        "Used: every weight of the large network that is unmasked. Beside them what `dreaming` "
        "keeps. The small network answers nothing: it is held while an experience lasts, and so is "
        "a copy of the large one.",
        "Class-incremental streams in which no example may be stored and the network may grow. "
        "Linear layers with rectifiers between, and no others.",
    ),
    "bias-correction": Explanation(
        "Trains plainly; at the end of each experience the output rows of its classes are scaled "
        "to the mean norm of those of earlier classes.",
        "Weight aligning of Zhao et al. 2020, without the rehearsal and the distillation that it "
        "corrects there.",
        "Used: every weight. Nothing is kept beside them.",
        "As the control for sleep: what it reaches, no night has to explain.",
    ),
    "wsn": Explanation(
        "Each weight has a score, and the best-scored of each layer answer the task. Scores and "
        "weights are learned together from the first step, so there is no night. A task may choose "
        "weights of earlier tasks, which it uses and never moves: those are not counted twice. New "
        "scores are drawn for each task.",
        "The paper's: scores learned straight through the choice, reuse without change. Ours: "
        "`density` and the rate of the scores, heads, biases and normalisation kept for each task, "
        "and masks stored plainly, where the paper compresses them.",
        "Used: the union of the masks, and the heads, biases and normalisation of all tasks. "
        "Beside them a bit for each weight and task.",
        "The task is told, nothing may be forgotten, and tasks are alike enough to share weights.",
    ),
    "cpg": Explanation(
        "By day a task trains the weights that no earlier task owns, and learns which of the owned "
        "ones it wants to reuse: each of those has a score, picked while the score is above a "
        "threshold. The picks are held from the first prune on, and rounds of pruning, much at "
        "first and little at the end, leave the task its density of weights of its own.",
        "The paper's: gradual pruning, learned picks, earlier claims never moved. Left out: "
        "growing, because a strategy is given its network here, and pruning down to a goal of "
        "accuracy, because it is given a density.",
        "Used: the union of what the tasks claim, and the heads, biases and normalisation of all "
        "tasks. Beside them a bit for each weight and task.",
        "As `packnet-frozen`, where earlier tasks may also be a hindrance: a task leaves out what "
        "does not help it.",
    ),
    "avalanche-packnet": Explanation(
        "The PackNet that Avalanche ships, as the peer of `packnet-frozen`: masks, pruning and "
        "freezing are the library's.",
        "Ours is the moment of the prune, at a share of the budget, since the library counts "
        "epochs. It differs from the paper: the heads are pruned and owned as well, pruned "
        "weights keep their value for the next task instead of starting from zero, and biases "
        "stay as the first task left them.",
        "Used: the weights with an owner, heads among them, and the biases. Beside them the "
        "owners, as in `packnet-frozen`.",
        "To see that a difference is the method's and not the implementation's. No batch "
        "normalisation.",
    ),
}
"""By id of the registry; a strategy that is missing here is explained by its docstring."""

BASELINES: Mapping[str, Baseline] = {
    "naive": Baseline(
        "Trains on one experience after the other: what forgetting costs.", "nothing"
    ),
    "joint": Baseline("Trains on all data at once: the upper bound, never ranked.", "nothing"),
    "replay": Baseline(
        "Every minibatch also has examples of earlier experiences, drawn from a buffer.",
        "the stored examples",
        {"mem_size": "stored examples in all, at least 1."},
    ),
    "icarl": Baseline(
        "Chooses examples by herding, keeps the old network's answers, and answers with the "
        "class whose stored examples have the nearest mean.",
        "the stored examples, their means, a copy of the network",
    ),
    "ewc": Baseline(
        "Pulls each weight to where earlier experiences left it, by how much they need it.",
        "weights and importances of each experience",
        {
            "ewc_lambda": "strength of the penalty, at least 0.",
            "mode": "`separate`: a penalty for each experience; `onlinesum`: one for their sum; "
            "`onlineweightedsum`: one for a sum in which earlier ones decay.",
            "decay_factor": "of `onlineweightedsum`, in [0, 1].",
            "keep_importance_data": "keep what each experience left when one penalty is for all.",
        },
    ),
    "si": Baseline(
        "As `ewc`, with importances gathered along the path of training.",
        "seven numbers for each weight, once",
    ),
    "weight-averaging": Baseline(
        "Trains each experience from the same first weights; the mean of the results answers.",
        "the first weights",
    ),
    "lwf": Baseline(
        "Keeps the answers of the network as it was before the experience, on the new examples.",
        "a copy of the network",
        {
            "alpha": "weight of keeping the answers, at least 0.",
            "temperature": "at which the answers are compared, above 0.",
        },
    ),
}
"""By id of the registry."""
