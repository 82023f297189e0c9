"""Dreaming: at night the network makes examples of earlier classes from its own weights.

The idea is that of Behrouz, Hashemi & Mirrokni 2026 ("Language Models Need Sleep", arXiv
2606.03979, section on dreaming), where a language model samples texts from itself, learns from
them, and a policy over what to dream is trained by reinforcement. An image classifier cannot be
sampled, so everything below is translation: what is dreamt is drawn at the top hidden layer and
runs backwards through the network's own weights down to an image. Going backwards is learned as in
a denoising autoencoder with tied weights (Vincent et al. 2010); that the classifier itself is the
generator of its rehearsal is replay through feedback (van de Ven & Tolias 2018), there with
feedback weights of their own and a variational code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from strategies.networks.layers import finite
from strategies.networks.tied_decoder import Moments, backwards, linear_path, see
from strategies.sleep_cycle import Night, SleepingStrategy, Stage, learn, minibatches, steps_of

Curriculum = Literal["uniform", "reinforced"]

NOISE = 1.0
"""Largest deviation of the noise on what is to be seen again, in deviations of what is shown."""

TRIAL = 10
"""Steps of rehearsal between two looks at what was retained."""

BOLDNESS = 10.0
"""Step of the policy, in log-odds per unit of the loss that its choice took away."""


class Dream(Stage):
    """Trains at night on dreams of earlier classes and on the current experience's examples.

    Of each earlier class only the mean of its top hidden activity is kept, and one covariance for
    all: running moments, as batch normalisation keeps, counted as stored bytes, and renewed from
    dreams as the network changes. An activity drawn from them runs backwards through the network as
    it stood when the experience began, whose answer to the image is the label, a probability for
    each class. That copy is memory while the experience lasts. Rehearsed like real examples, dreams
    weigh as the number of classes that they stand for; the night also shows the examples of the day
    again, so that going backwards is learned in the first night already. Layers below the first
    linear one, convolutions, are not run backwards: dreams end at their output. They learn from
    answers alone, for what is easiest to see again is nothing, and stay as they are from the second
    experience on. See `check_can_dream` for what is refused.

    Args:
        vividness: weight of seeing again against answering, above 0: how much the network learns to
            find its input in its top hidden activity, going backwards; in units of the mean squared
            length of an input.
        curriculum: what is dreamt. `uniform`: every earlier class as often. `reinforced`: a policy
            that dreams more of the classes whose rehearsal improved the network's own score on
            dreams of all of them (a gradient bandit; Williams 1992).
    """

    longest_gradient = 1.0
    """Norm that that of a step is shortened to: a day may have blurred what was seen again."""

    def __init__(self, *, vividness: float = 4.0, curriculum: Curriculum = "uniform") -> None:
        if not vividness > 0:
            raise ValueError(f"vividness must be above 0, got {vividness}")
        if curriculum not in get_args(Curriculum):
            choices = " or ".join(map(repr, get_args(Curriculum)))
            raise ValueError(f"curriculum must be {choices}, got {curriculum!r}")
        self.vividness = vividness
        self.curriculum = curriculum
        self.moments = Moments()
        self.dreamt: list[tuple[int, int]] = []
        """Task label and class of every row of `moments`."""
        self._dreamer: Dreamer | None = None
        self._policy = Policy(0)
        self._earlier = 0

    def begin(self, strategy: SleepingStrategy) -> None:
        """The network as it stands is the one that dreams until the experience ends."""
        self._earlier = len(self.moments)
        if self._earlier:
            self._dreamer = Dreamer(copy.deepcopy(strategy.model), self.moments, self.dreamt)
            for parameter in below_linear(strategy.model):
                parameter.requires_grad_(False)

    def end(self, strategy: SleepingStrategy) -> None:
        """Let the copy go."""
        self._dreamer = None

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Dream and rehearse until the night ends."""
        before = copy.deepcopy((self.moments, self.dreamt))
        self._rehearse(strategy, night)
        if not finite(strategy.model):
            self.moments, self.dreamt = before  # this will be undone

    def _rehearse(self, strategy: SleepingStrategy, night: Night) -> None:
        model = strategy.model
        self._policy = Policy(self._earlier)
        path: list[str] = []
        for _, (x, y, tasks) in zip(steps_of(strategy, night), minibatches(strategy), strict=False):
            path = path or linear_path(model, x[:2], tasks[:2])
            dreams = 0 if self._dreamer is None else len(y) // 2  # as dear as a minibatch, in all
            x, y, tasks = x[dreams:], y[dreams:], tasks[dreams:]
            answers = self._answers(x, y, tasks)
            loss = self._loss(model, path, Lesson(x, tasks, answers, self._kinds(tasks, y)))
            if self._dreamer is not None and dreams:
                new = len(self.moments) - self._earlier
                old = self._loss(model, path, self._dreams(self._dreamer, model, x, path, dreams))
                loss = (new * loss + self._earlier * old) / (new + self._earlier)
            learn(strategy, loss, longest=self.longest_gradient)
            if self._dreamer is not None and self.curriculum == "reinforced":
                evenly = torch.arange(len(y)) % self._earlier
                lesson = self._dreamer.dream(x, path, evenly)
                self._policy.look_back(partial(retention, model, lesson))

    def _answers(self, x: Tensor, y: Tensor, tasks: Tensor) -> Tensor:
        """What the day's examples (B, ...) are to be answered: classes or probabilities."""
        return y

    def _dreams(
        self, dreamer: Dreamer, model: nn.Module, x: Tensor, path: Sequence[str], count: int
    ) -> Lesson:
        """`count` dreams of earlier classes to rehearse with them."""
        return dreamer.dream(x, path, self._policy.choose(count))

    def _loss(self, model: nn.Module, path: Sequence[str], lesson: Lesson) -> Tensor:
        """Loss of answering and of seeing again; the activity is noted."""
        seen = see(model, lesson.x, lesson.tasks, lesson.surface, noise=NOISE)
        self.moments.update(seen.code, seen.surface, lesson.kinds)
        shown = seen.surface.detach()  # without the noise
        code = seen.code
        if seen.surface.requires_grad:
            code = see(model, lesson.x, lesson.tasks, shown, noise=NOISE).code
        again = backwards(weights_of(model, path), code)
        blur = (again - shown).square().sum() / shown.square().sum().clamp(min=1e-8)
        answers = lesson.answers
        if answers.is_floating_point():  # an output layer may have grown since
            answers = pad(answers, (0, seen.logits.shape[1] - answers.shape[1]))
        return cross_entropy(seen.logits, answers) + self.vividness * blur

    def _kinds(self, tasks: Tensor, classes: Tensor) -> Tensor:
        """The rows of `moments` for examples of the current experience, (B,); new ones at need."""
        rows = {pair: row for row, pair in enumerate(self.dreamt) if row >= self._earlier}
        pairs = list(zip(tasks.tolist(), classes.tolist(), strict=True))
        for pair in sorted(set(pairs) - set(rows)):
            rows[pair] = len(self.dreamt)
            self.dreamt.append(pair)
        return torch.tensor([rows[pair] for pair in pairs], device=classes.device)


class Lesson(NamedTuple):
    """What is rehearsed: inputs, task labels (B,), answers as classes or probabilities, kinds.

    Attributes:
        kinds: (B,), the row of each in the moments.
        surface: what the first linear layer is given in place of what `x` makes; None for examples
            that were not dreamt.
    """

    x: Tensor
    tasks: Tensor
    answers: Tensor
    kinds: Tensor
    surface: Tensor | None = None


class Dreamer:
    """A network that is asleep: from the moments of its activity it makes examples.

    Args:
        dreamt: task label and class of every row of the moments, as far as they were seen.
    """

    def __init__(
        self, model: nn.Module, moments: Moments, dreamt: Sequence[tuple[int, int]]
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.means = moments.means().clone()
        self.root = moments.root()
        self.tasks = torch.tensor([task for task, _ in dreamt], device=self.means.device)
        self.range = moments.range

    @torch.no_grad()
    def dream(
        self, x: Tensor, path: Sequence[str], kinds: Tensor, through: nn.Module | None = None
    ) -> Lesson:
        """One dream of each kind, (B,), labelled by the network that dreams.

        Args:
            x: inputs of the right type and device.
            path: the network's linear layers.
            through: the network whose weights the activity runs back through; None: the one that
                dreams.
        """
        kinds = kinds.to(self.means.device)
        noise = torch.randn(len(kinds), self.means.shape[1]).to(self.means)
        code = (self.means[kinds] + noise @ self.root.T).relu()
        weights = weights_of(self.model if through is None else through, path)
        surface = backwards(weights, code).clamp(*self.range)
        logits = see(self.model, x, self.tasks[kinds], surface).logits
        answers = logits.softmax(1)
        return Lesson(x, self.tasks[kinds], answers, kinds, surface)


class Policy:
    """What to dream: a probability for each kind, moved by what rehearsing it was good for."""

    def __init__(self, kinds: int) -> None:
        self.preferences = torch.zeros(kinds)
        self._chosen = torch.zeros(kinds)
        self._steps = 0
        self._score: float | None = None

    def choose(self, count: int) -> Tensor:
        """Kinds of `count` dreams, from torch's generator."""
        kinds = torch.multinomial(self.preferences.softmax(0), count, replacement=True)
        self._chosen += torch.bincount(kinds, minlength=len(self._chosen))
        return kinds

    def look_back(self, score: Callable[[], float]) -> None:
        """After every few steps: what was dreamt more than expected is praised or blamed.

        Args:
            score: the network's own, the higher the better; asked once in a trial.
        """
        self._steps += 1
        if self._steps % TRIAL:
            return
        now = score()
        if self._score is not None:
            surprise = self._chosen / self._chosen.sum() - self.preferences.softmax(0)
            self.preferences += BOLDNESS * (now - self._score) * surprise
        self._score = now
        self._chosen.zero_()


@torch.no_grad()
def retention(model: nn.Module, lesson: Lesson) -> float:
    """How well the network still answers what it dreams of: minus the loss."""
    logits = see(model, lesson.x, lesson.tasks, lesson.surface).logits
    return -float(cross_entropy(logits, lesson.answers.argmax(1)))


def weights_of(model: nn.Module, path: Sequence[str]) -> list[Tensor]:
    """Weights of the linear layers of `path` below the output layer."""
    layers = (model.get_submodule(name) for name in path[:-1])
    return [layer.weight for layer in layers if isinstance(layer, nn.Linear)]


def below_linear(model: nn.Module) -> list[nn.Parameter]:
    """Parameters of everything that is no linear layer."""
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    own = {id(p) for module in linear for p in module.parameters()}
    return [p for p in model.parameters() if id(p) not in own]
