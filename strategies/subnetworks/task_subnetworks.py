"""A network that answers each task by a subnetwork, with a head, biases and norms of its own.

What a task needs besides its subnetwork is kept here; which weights the subnetwork has is said by
the strategies: `PackNet` finds them by pruning, `WinningSubnetworks` by learning scores,
`CompactingPicking` by both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from avalanche.models import IncrementalClassifier
from avalanche.models.utils import is_multi_task_module
from torch import Tensor, nn
from torch.func import functional_call

from strategies.networks.heads import HIDDEN_LOGIT, TaskHead, head_tensors
from strategies.networks.layers import check_ownable, norms, prunable, shared_head, tensors_of
from strategies.pruning.frozen_weights import FrozenWeights
from strategies.pruning.held import counted_apart
from strategies.pruning.masks import Masks

Norm = Literal["task", "first"]
Certainty = Literal["entropy", "confidence"]


class Subnetworks(FrozenWeights):
    """Part of strategies that answer each task under a mask; earlier heads are never moved.

    Biases are kept per task, as is each task's head. Where the tasks share one output layer, fixed
    or growing, the rows of an experience's classes belong to its task and no other answers with
    them. A task that was never trained is answered by the whole network as it stands.

    Attributes:
        norm: normalisation, affine and statistics, is kept per `task`, or learned by the `first`
            and frozen.
        infer: None: the task is told, at evaluation too. `entropy`, `confidence`: it is not; each
            experience is a task, and a sample is answered by the task whose subnetwork is most
            certain of it: least entropy, or largest probability, over the classes of the task.
    """

    def begin(self, norm: Norm, infer: Certainty | None) -> None:
        """No task is trained yet; for the constructor.

        Raises:
            ValueError: for what cannot be.
        """
        if norm not in get_args(Norm):
            raise ValueError(f"norm must be one of {get_args(Norm)}, got {norm!r}")
        if infer not in (None, *get_args(Certainty)):
            raise ValueError(f"infer must be None or one of {get_args(Certainty)}, got {infer!r}")
        check_ownable(self.model)
        if infer is not None and shared_head(self.model) is None:
            raise ValueError("infer needs one output layer for all tasks, got a head for each")
        self.norm = norm
        self.infer = infer
        self.private: list[dict[str, Tensor]] = []
        """Biases, normalisation and statistics of each finished task, in order of training."""
        self.classes: list[list[int]] = []
        """Classes of each finished task in the output layer; none where each has its own head."""
        self.task_of: dict[int, int] = {}
        """Task label to its place in `private`; a label trained again takes a new place."""
        self.packed: list[dict[str, Tensor]] = []
        """The mask of each finished task, a bit for each weight; none where weights have owners."""
        self._training: int | None = None
        self._own_classes: list[int] = []
        self._views: list[tuple[dict[str, Tensor], list[int]]] = []

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """The weights that subnetworks are made of, by name: prunable and in no head."""
        head = shared_head(self.model)
        rows = set() if head is None else tensors_of(head, self.model.get_submodule(head))
        return {n: p for n, p in prunable(self.model).items() if n not in rows}

    def subnetwork(self, task: int) -> dict[str, Tensor]:
        """The weights that finished `task`, counted from 0, is answered with."""
        raise NotImplementedError

    def training_subnetwork(self) -> dict[str, Tensor]:
        """The weights that the task in training sees now; empty when those of the model."""
        return {}

    def check_task(self, experience: Any) -> None:
        """ValueError when the experience cannot be a task of its own, before any work."""
        label = None if self.infer else task_label(experience)
        if shared_head(self.model) is None:
            return
        classes = set(classes_of(experience))
        again = label is not None and label in self.task_of
        if label is not None and again:
            before = self.classes[self.task_of[label]]
            if classes != set(before):
                raise ValueError(f"task {label} had classes {before} before, got {sorted(classes)}")
        taken = {c for others in self.classes for c in others}
        if not again and classes & taken:
            raise ValueError(
                f"classes {sorted(classes & taken)} belong to an earlier task; "
                "tasks that share classes need a head for each"
            )

    def train_only(self, trainable: Masks, anchors: Mapping[str, Tensor | None]) -> None:
        """As the parent, and hold other tasks' heads and what the first task alone may train."""
        held = self._own_rows()
        if self.norm == "first" and self.private:
            held |= {n: torch.zeros_like(p, dtype=torch.bool) for n, p in self._norms().items()}
        parameters = dict(self.model.named_parameters())
        fixed = {name: parameters[name].detach().clone() for name in held}
        super().train_only({**trainable, **held}, {**anchors, **fixed})

    def forward(self) -> Tensor:
        """(B, C) logits of the minibatch: of the task in training, told, or inferred."""
        x, labels = self.mb_x, self.mb_task_id
        if self.is_training:
            with self.products():
                return self.answer(self.training_subnetwork(), x, labels, self._own_classes)
        views = self._views or [({}, [])]
        answers = [self.answer(view, x, labels, classes) for view, classes in views]
        if self.infer is None or not self.private:
            return answers[0]
        return most_certain(answers, self.infer)

    def answer(
        self, view: dict[str, Tensor], x: Tensor, labels: Tensor, classes: Sequence[int]
    ) -> Tensor:
        """(B, C) logits with the tensors of `view` in place; hidden but for `classes`, if any."""
        arguments = (x, labels) if is_multi_task_module(self.model) else (x,)
        logits = functional_call(self.model, view, arguments) if view else self.model(*arguments)
        if not classes:
            return logits
        others = torch.ones(logits.shape[1], dtype=torch.bool)
        others[list(classes)] = False
        return logits.masked_fill(others.to(logits.device), HIDDEN_LOGIT)

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new strategy of the same model needs to go on between experiences."""
        return {
            "model": self.model.state_dict(),
            "private": self.private,
            "classes": self.classes,
            "task_of": self.task_of,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        self.model.load_state_dict(state["model"])
        own = copy.deepcopy({key: state[key] for key in ("private", "classes", "task_of")})
        self.private, self.classes, self.task_of = own["private"], own["classes"], own["task_of"]

    def _before_training_exp(self, **kwargs: Any) -> None:
        self.check_task(self.experience)
        super()._before_training_exp(**kwargs)
        self._training = None if self.infer else task_label(self.experience)
        shared = shared_head(self.model) is not None
        self._own_classes = classes_of(self.experience) if shared else []
        if self.norm == "first" and self.private:
            for module in norms(self.model).values():
                module.eval()

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        if self._training is not None:
            self.task_of[self._training] = len(self.private)
        self.private.append({n: t.detach().clone() for n, t in self._unshared().items()})
        self.classes.append(self._own_classes)
        self._training = None

    def _before_eval_exp(self, **kwargs: Any) -> None:
        super()._before_eval_exp(**kwargs)
        self._views = [(self._view(task), self.classes[task]) for task in self._asked()]
        in_training = self.infer is None and self._training == task_label(self.experience)
        if not self._views and in_training:
            self._views = [(self.training_subnetwork(), self._own_classes)]

    def _after_eval_exp(self, **kwargs: Any) -> None:
        self._views = []
        super()._after_eval_exp(**kwargs)

    def _asked(self) -> list[int]:
        """The finished tasks that may answer the experience."""
        if self.infer:
            return list(range(len(self.private)))
        task = self.task_of.get(task_label(self.experience))
        return [] if task is None else [task]

    def _view(self, task: int) -> dict[str, Tensor]:
        return {**self.subnetwork(task), **self.private[task]}

    def _unshared(self) -> dict[str, Tensor]:
        """Parameters and buffers that are kept per task: all but weights, heads, frozen norms."""
        head = shared_head(self.model)
        shared = head_tensors(self.model) | set(self.weights)
        if head is not None:
            shared |= tensors_of(head, self.model.get_submodule(head))
        if self.norm == "first":
            for name, module in norms(self.model).items():
                shared |= tensors_of(name, module)
        tensors = (*self.model.named_parameters(), *self.model.named_buffers())
        return {name: tensor for name, tensor in tensors if name not in shared}

    def _norms(self) -> dict[str, Tensor]:
        names = {t for n, m in norms(self.model).items() for t in tensors_of(n, m)}
        return {n: p for n, p in self.model.named_parameters() if n in names}

    def _own_rows(self) -> Masks:
        """Entries of the heads that the task in training may move, where a layer has others too."""
        layers: list[tuple[str, nn.Linear, Any]] = []
        for name, module in self.model.named_modules():
            if isinstance(module, TaskHead):
                rows = module.rows_of(task_label(self.experience))
                layers.append((f"{name}.linear" if name else "linear", module.linear, rows))
        head = shared_head(self.model)
        if head is not None:
            module = self.model.get_submodule(head)
            if isinstance(module, IncrementalClassifier):
                head, module = f"{head}.classifier", module.classifier
            layers.append((head, module, self._own_classes))
        masks = {}
        for prefix, layer, rows in layers:
            for name, parameter in layer.named_parameters():
                masks[f"{prefix}.{name}"] = torch.zeros_like(parameter, dtype=torch.bool)
                masks[f"{prefix}.{name}"][rows] = True
        return masks


def most_certain(answers: Sequence[Tensor], certainty: Certainty) -> Tensor:
    """(B, C) logits in which the most certain task stands above all others, sample by sample.

    Args:
        answers: of each task (B, C) logits, those of other tasks' classes hidden.
        certainty: least `entropy` or largest `confidence` of the softmax over the task's own
            classes.
    """
    logits = torch.stack(list(answers))
    probabilities = logits.softmax(-1)
    if certainty == "entropy":
        certain = -torch.special.entr(probabilities).sum(-1)
    else:
        certain = probabilities.amax(-1)
    others = torch.ones_like(certain).scatter_(0, certain.argmax(0, keepdim=True), 0)
    # half way to the hidden ones: within a task the order stays, for who is told the task
    return (logits + others[..., None] * HIDDEN_LOGIT / 2).amax(0)


def task_label(experience: Any) -> int:
    """The one task label of an experience.

    Raises:
        ValueError: when it has none or several.
    """
    labels = list(getattr(experience, "task_labels", []))
    if len(labels) != 1:
        raise ValueError(
            "a subnetwork per task needs one task label per experience (the task-incremental "
            f"scenario), got {labels or 'none'}"
        )
    return int(labels[0])


def classes_of(experience: Any) -> list[int]:
    """The classes of an experience in ascending order.

    Raises:
        ValueError: when it does not name them.
    """
    classes = getattr(experience, "classes_in_this_experience", None)
    if classes is None:
        raise ValueError(
            "a subnetwork per task needs the classes of each experience where tasks share an "
            f"output layer, got {type(experience).__name__} without classes_in_this_experience"
        )
    return sorted(classes)


@counted_apart.register
def _(strategy: Subnetworks) -> Sequence[Any]:
    names = {name for name, _ in strategy.model.named_parameters()}
    by_task = [getattr(strategy, "owners", {}), *strategy.packed, *strategy.private]
    return [tensor for one in by_task for name, tensor in one.items() if name in names]
