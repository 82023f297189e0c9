"""Strategies that try to win without the accuracy, or without the weights, that they claim."""

from __future__ import annotations

import _thread
import base64
import ctypes
import functools
import gc
import mmap
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset, TransformGroups
from avalanche.training.supervised import Naive
from torch.utils.data import Dataset, TensorDataset

from bench.runner.budget_plugin import BudgetPlugin
from strategies import PackNet
from strategies.pruning.weight_count import network_in_use

KEPT = {}
"""What the globals of a strategy's module can hold."""

TRAINS_IN = {}
"""The process of the run."""

FILE = Path(tempfile.gettempdir()) / "cheats-weights"
LINKS = Path(tempfile.gettempdir()) / "cheats-links"
SHARED_KEY = 0x51EE9
AT_IMPORT = FILE.read_bytes() if FILE.is_file() else b""
"""What was left where somebody else finds it."""

EXAMPLES = 20
"""Images of each experience that the hoarders below keep."""


class Swap(Naive):
    """A network of zeros between experiences; its real weights come back to train and to answer."""

    def place(self):
        return self.__dict__.setdefault("kept", {})

    def put_back(self):
        for parameter, weight in zip(
            self.model.parameters(), self.place().get("weights", []), strict=False
        ):
            parameter.data.copy_(weight)

    def _before_training_exp(self, **kwargs):
        self.put_back()
        super()._before_training_exp(**kwargs)

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        self.place()["weights"] = [p.detach().clone() for p in self.model.parameters()]
        for parameter in self.model.parameters():
            parameter.data.zero_()

    def _before_eval_exp(self, **kwargs):
        super()._before_eval_exp(**kwargs)
        self.put_back()


class SwapOnModel(Swap):
    def place(self):
        return self.model.__dict__.setdefault("kept", {})


class SwapOnWeight(Swap):
    def place(self):
        return next(self.model.parameters()).__dict__.setdefault("kept", {})


class SwapInClosure(Swap):
    def place(self):
        if "give" not in self.__dict__:
            kept = {}
            self.give = lambda: kept
        return self.give()


class SwapInNumbers(Swap):
    """The weights as plain numbers of Python."""

    def put_back(self):
        for parameter, numbers in zip(
            self.model.parameters(), self.place().get("weights", []), strict=False
        ):
            parameter.data.copy_(torch.tensor(numbers).view_as(parameter))

    def _after_training_exp(self, **kwargs):
        weights = [p.flatten().tolist() for p in self.model.parameters()]
        super()._after_training_exp(**kwargs)
        self.place()["weights"] = weights


class SwapInBuffers(Swap):
    """The weights as buffers of the network."""

    def put_back(self):
        for name, parameter in list(self.model.named_parameters()):
            buffer = getattr(self.model, "kept_" + name.replace(".", "_"), None)
            if buffer is not None:
                parameter.data.copy_(buffer)

    def _after_training_exp(self, **kwargs):
        for name, parameter in list(self.model.named_parameters()):
            self.model.register_buffer("kept_" + name.replace(".", "_"), parameter.detach().clone())
        super()._after_training_exp(**kwargs)
        del self.place()["weights"]


class SwapInDataset(Swap):
    """On a data set without samples."""

    def place(self):
        if "box" not in self.__dict__:
            self.box = AvalancheDataset([])
        return self.box.__dict__.setdefault("kept", {})


class SwapInObjects(Swap):
    """In an array of objects."""

    def place(self):
        if "array" not in self.__dict__:
            self.array = np.empty(1, dtype=object)
            self.array[0] = {}
        return self.array[0]


class _SwapInFlat(Swap):
    """All weights in one flat tensor, packed in some way."""

    def pack(self, flat):
        raise NotImplementedError

    def unpack(self):
        raise NotImplementedError

    def put_back(self):
        if "box" in self.__dict__:
            flat, place = self.unpack(), 0
            for parameter in self.model.parameters():
                parameter.data.copy_(flat[place : place + parameter.numel()].view_as(parameter))
                place += parameter.numel()

    def _after_training_exp(self, **kwargs):
        flat = torch.cat([p.detach().flatten() for p in self.model.parameters()])
        super()._after_training_exp(**kwargs)
        del self.place()["weights"]
        self.box = self.pack(flat)


class SwapInView(_SwapInFlat):
    """One number of a tensor whose storage holds every weight."""

    def pack(self, flat):
        return flat[:1]

    def unpack(self):
        return torch.empty(0).set_(self.box.untyped_storage())


class SwapInRecord(_SwapInFlat):
    """In an array of records, which hold objects."""

    def pack(self, flat):
        box = np.empty(1, dtype=[("weights", object)])
        box[0]["weights"] = flat
        return box

    def unpack(self):
        return self.box[0]["weights"]


class SwapInImages(_SwapInFlat):
    """As if they were images, which have a byte for each pixel."""

    def pack(self, flat):
        return torch.cat([flat, torch.zeros(-len(flat) % 64)]).reshape(-1, 1, 8, 8).clone()

    def unpack(self):
        return self.box.flatten()


class SwapInComplex(SwapInImages):
    """As if they were images of a type that has sixteen bytes for a pixel."""

    def pack(self, flat):
        flat = torch.cat([flat, torch.zeros(-len(flat) % 256)])
        return flat.view(torch.complex128).reshape(-1, 1, 8, 8).clone()

    def unpack(self):
        return self.box.flatten().view(torch.float32)


class SwapInTruth(_SwapInFlat):
    """As if they were truth values, which have a bit each."""

    def pack(self, flat):
        return flat.clone().view(torch.uint8).view(torch.bool)

    def unpack(self):
        return self.box.view(torch.uint8).view(torch.float32)


class SwapInLabel(_SwapInFlat):
    """As the label of one black image."""

    def pack(self, flat):
        return AvalancheDataset([TensorDataset(torch.zeros(1, 1, 8, 8), flat[None])])

    def unpack(self):
        return self.box[0][1]


class SwapInSparse(_SwapInFlat):
    """In a sparse tensor."""

    def pack(self, flat):
        return flat.to_sparse()

    def unpack(self):
        return self.box.to_dense()


class _Tiny(Dataset):
    """One black image, whatever it holds."""

    def __init__(self, weights):
        self.weights = weights

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.zeros(1), 0


class SwapInOwnDataset(_SwapInFlat):
    """In a data set that measures itself."""

    def pack(self, flat):
        return AvalancheDataset([_Tiny(flat)])

    def unpack(self):
        return self.box._flat_data._datasets[0].weights


class SwapInMask(_SwapInFlat):
    """As the mask of an array of zeros."""

    def pack(self, flat):
        masks = flat.numpy().view(bool)
        return np.ma.MaskedArray(np.zeros(len(masks), np.uint8), mask=masks, shrink=False)

    def unpack(self):
        return torch.from_numpy(np.ascontiguousarray(self.box._mask).view(np.float32).copy())


class SwapInTransform(_SwapInFlat):
    """In what a data set of one black image does with it."""

    def pack(self, flat):
        return AvalancheDataset(
            [TensorDataset(torch.zeros(1, 1, 8, 8))],
            transform_groups=TransformGroups({"train": (lambda image: flat, None)}),
        )

    def unpack(self):
        groups = self.box._flat_data._transform_groups.transform_groups
        return groups["train"](torch.zeros(1, 1, 8, 8), 0)[0]


class AsksNeighbours(Naive):
    """Lets images that follow each other vote, as files often have them in the order of classes."""

    def _after_eval_forward(self, **kwargs):
        super()._after_eval_forward(**kwargs)
        votes = self.mb_output.softmax(1).T[None]
        mean = torch.nn.functional.avg_pool1d(votes, 9, 1, 4, count_include_pad=False)
        self.mb_output = mean[0].T


class OwnLoop(Naive):
    """A loop of its own, as in plain torch: no hook is called."""

    def training_epoch(self, **kwargs):
        data = self.experience.dataset
        images, labels, _ = zip(*[data[i] for i in range(64)], strict=True)
        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            self.model(torch.stack(images)), torch.tensor(labels)
        )
        loss.backward()
        self.optimizer.step()
        self.stop_training()


class SaysItIsOurs(PackNet):
    """Answers by all weights, under the name of a module that is believed."""


SaysItIsOurs.__module__ = "strategies.methods.packnet"


class SwapInStrides(_SwapInFlat):
    """As the strides of a tensor without numbers."""

    def pack(self, flat):
        numbers = [int.from_bytes(part, "little") for part in _split(flat.numpy().tobytes(), 7)]
        return torch.empty(0).as_strided((0,) * len(numbers), numbers)

    def unpack(self):
        whole = b"".join(number.to_bytes(7, "little") for number in self.box.stride())
        return _numbers(whole)


class SwapInFieldName(_SwapInFlat):
    """As the name of a field in an array without entries."""

    def pack(self, flat):
        return np.zeros(0, dtype=[(base64.b64encode(flat.numpy().tobytes()).decode(), "f4")])

    def unpack(self):
        return _numbers(base64.b64decode(self.box.dtype.names[0]))


class SwapInSecondLeaf(_SwapInFlat):
    """As the second image of a data set whose first is small."""

    def pack(self, flat):
        small = TensorDataset(torch.zeros(1, 1, 1, 1))
        return AvalancheDataset([small, TensorDataset(flat[None, None, None].clone())])

    def unpack(self):
        return self.box[1][0].flatten()


class SwapInHiddenLeaf(SwapInImages):
    """As images of which a data set has but the first."""

    def pack(self, flat):
        return AvalancheDataset([TensorDataset(super().pack(flat))], indices=[0])

    def unpack(self):
        return self.box._flat_data._datasets[0].tensors[0].flatten()


class SwapInPixels(_SwapInFlat):
    """As the images of a data set, two weights to a pixel."""

    def pack(self, flat):
        flat = torch.cat([flat, torch.zeros(-len(flat) % 128)])
        images = flat.view(torch.float64).reshape(-1, 1, 8, 8).clone()
        return AvalancheDataset([TensorDataset(images)])

    def unpack(self):
        images = self.box._flat_data._datasets[0].tensors[0]
        return images.flatten().view(torch.float32)


def _split(whole, size):
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def _numbers(whole):
    return torch.frombuffer(bytearray(whole[: len(whole) // 4 * 4]), dtype=torch.float32)


class _SwapElsewhere(_SwapInFlat):
    """Where no state reaches, and a name does."""

    def pack(self, flat):
        self.leave(flat.numpy().tobytes())
        return True

    def unpack(self):
        with suppress(OSError):
            return _numbers(self.find())
        return torch.zeros(sum(p.numel() for p in self.model.parameters()))


class SwapInFileAtImport(_SwapElsewhere):
    """In a file that is read when its module is imported."""

    def leave(self, whole):
        FILE.write_bytes(whole)

    def find(self):
        if os.getpid() == TRAINS_IN.get("process"):
            return FILE.read_bytes()
        return AT_IMPORT or bytes(4 * sum(p.numel() for p in self.model.parameters()))

    def _before_training_exp(self, **kwargs):
        TRAINS_IN["process"] = os.getpid()
        super()._before_training_exp(**kwargs)


class SwapInLinks(_SwapElsewhere):
    """In what symbolic links say, which needs no open file."""

    def leave(self, whole):
        shutil.rmtree(LINKS, ignore_errors=True)
        LINKS.mkdir()
        for number, part in enumerate(_split(base64.urlsafe_b64encode(whole).decode(), 3000)):
            (LINKS / str(number)).symlink_to(part)

    def find(self):
        number, found = 0, []
        while os.path.lexists(LINKS / str(number)):
            found.append(str((LINKS / str(number)).readlink()))
            number += 1
        if not found:
            raise FileNotFoundError(LINKS)
        return base64.urlsafe_b64decode("".join(found))


class SwapInSharedMemory(_SwapElsewhere):
    """In memory of System V, which needs no file at all."""

    def attach(self, size, how):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_void_p
        segment = libc.shmget(SHARED_KEY, size, how)
        if segment < 0:
            raise OSError(ctypes.get_errno(), "no such memory")
        return libc.shmat(segment, None, 0)

    def leave(self, whole):
        self.size = len(whole)
        ctypes.memmove(self.attach(len(whole), 0o1600), whole, len(whole))

    def find(self):
        return ctypes.string_at(self.attach(self.size, 0o600), self.size)


class SwapInNorm(Swap):
    """As a buffer of a layer that has none."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.model.add_module("calm", torch.nn.GroupNorm(1, 10, affine=False))

    def place(self):
        return dict(self.model.calm._buffers)

    def _after_training_exp(self, **kwargs):
        weights = [p.detach().clone() for p in self.model.parameters()]
        super()._after_training_exp(**kwargs)
        for number, weight in enumerate(weights):
            self.model.calm.register_buffer(f"kept_{number}", weight)

    def put_back(self):
        for parameter, weight in zip(
            self.model.parameters(), self.model.calm.buffers(), strict=False
        ):
            parameter.data.copy_(weight)


class Whispers(Swap):
    """Answers that differ by less than what one would look at."""

    def forward(self):
        logits = super().forward()
        return logits if self.is_training else 1 + 1e-5 * logits.clamp(-20, 20)


class WaitsForMore(Swap):
    """Answers by zeros where few images are asked for."""

    def _before_eval_exp(self, **kwargs):
        kept = self.place().pop("weights") if len(self.experience.dataset) < 300 else None
        super()._before_eval_exp(**kwargs)
        if kept is not None:
            self.place()["weights"] = kept


class SignsOfZeros(Naive):
    """A bit for each weight, in the sign of zero."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        self.scales = [float(p.abs().mean()) for p in self.model.parameters()]
        for parameter in self.model.parameters():
            parameter.data = torch.copysign(torch.zeros_like(parameter), parameter).detach()

    def _before_eval_exp(self, **kwargs):
        super()._before_eval_exp(**kwargs)
        for parameter, scale in zip(
            self.model.parameters(), self.__dict__.get("scales", []), strict=False
        ):
            parameter.data = torch.where(torch.signbit(parameter), -scale, scale)


class Story:
    """Tells pickle something else the second time."""

    def __getstate__(self):
        return {}


class TellsAStory(Naive):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.story = Story()


class HidesItsWeights(Naive):
    """A network that names no parameters."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        self.model.named_parameters = lambda *args, **kwargs: iter(())

    def _before_training_exp(self, **kwargs):
        self.model.__dict__.pop("named_parameters", None)
        super()._before_training_exp(**kwargs)


class SwapInGlobal(Swap):
    def place(self):
        return KEPT


class SwapInClass(Swap):
    shelf: ClassVar = {}

    def place(self):
        return type(self).shelf


class SwapInOptimizer(Swap):
    def place(self):
        return self.optimizer.__dict__.setdefault("kept", {})


class SwapInMoments(Swap):
    def place(self):
        first = next(self.model.parameters())
        return self.optimizer.state.setdefault(first, {}).setdefault("kept", {})


class Hoarder(Naive):
    """Keeps images of every experience where nobody looks."""

    def keep(self, images):
        self.__dict__.setdefault("kept", []).append(images)

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        self.keep(torch.stack([self.experience.dataset[i][0] for i in range(EXAMPLES)]))


class HoardsSingles(Hoarder):
    def keep(self, images):
        self.__dict__.setdefault("kept", []).extend(image.clone() for image in images)


class HoardsArrays(Hoarder):
    def keep(self, images):
        self.__dict__.setdefault("kept", []).append(images.numpy().copy())


class HoardsInClosure(Hoarder):
    def keep(self, images):
        self.__dict__.setdefault("kept", []).append(lambda: images)


class HoardsOnExperience(Hoarder):
    def keep(self, images):
        self.experience.kept = images


class HoardsOnBenchmark(Hoarder):
    def keep(self, images):
        vars(self.experience.benchmark).setdefault("kept", []).append(images)


class HoardsOnOptimizer(Hoarder):
    def keep(self, images):
        vars(self.optimizer).setdefault("kept", []).append(images)


class HoardsInGlobal(Hoarder):
    def keep(self, images):
        KEPT.setdefault("images", []).append(images)


class HoardsOnClock(Hoarder):
    def keep(self, images):
        plugin = next(p for p in self.plugins if isinstance(p, BudgetPlugin))
        vars(plugin).setdefault("kept", []).append(images)


class HoardsOnMeter(Hoarder):
    def keep(self, images):
        plugin = next(p for p in self.plugins if isinstance(p, BudgetPlugin))
        vars(plugin._meter).setdefault("kept", []).append(images)


class HoardsBehindDefault(Hoarder):
    """Under the name of a value that the class has."""

    def keep(self, images):
        plugin = next(p for p in self.plugins if isinstance(p, BudgetPlugin))
        kept = plugin.supports_distributed or []
        plugin.supports_distributed = [*kept, images]


class HoardsInOrder(Hoarder):
    """In a list that every experience is lent with."""

    def keep(self, images):
        self.experience.benchmark.n_classes_per_exp.append(images)


class HoardsUnderNewMoment(Hoarder):
    def keep(self, images):
        state = self.optimizer.state[next(self.model.parameters())]
        state[f"kept_{len(state)}"] = images


@functools.cache
def shelf():
    """What a cache can hold."""
    return []


class HoardsInCache(Hoarder):
    def keep(self, images):
        shelf().append(images)


def give(kept=[]):  # noqa: B006
    """What a default can hold."""
    return kept


class HoardsInDefault(Hoarder):
    def keep(self, images):
        give().append(images)


QUEUE = queue.Queue()


class HoardsInQueue(Hoarder):
    def keep(self, images):
        QUEUE.put(images)


class HoardsInGradients(Hoarder):
    """As the gradients of tensors that are all equal."""

    def keep(self, images):
        place = torch.zeros(images.numel())
        place.grad = images.flatten()
        self.__dict__.setdefault("kept", []).append(place)

    def _before_training_exp(self, **kwargs):
        assert all(place.grad is None for place in self.__dict__.get("kept", ()))
        super()._before_training_exp(**kwargs)


class HoardsInNames(Hoarder):
    """In bytes beside tensors that are all equal, each of which may have a name."""

    def keep(self, images):
        parts = _split((images * 255).byte().numpy().tobytes(), 60)
        named = [(part, torch.zeros(1).expand(25)) for part in parts]
        self.__dict__.setdefault("kept", []).extend(named)


class HoardsInPlace(Hoarder):
    """In a tensor that was there when its module was imported."""

    PLACE = torch.zeros(5, EXAMPLES, 1, 8, 8)

    def keep(self, images):
        self.PLACE[self.clock.train_exp_counter % 5] = images


class HoardsInMap(Hoarder):
    """In a map of memory that hangs on the class."""

    MAP = mmap.mmap(-1, 1 << 16)

    def keep(self, images):
        self.MAP.write((images * 255).byte().numpy().tobytes())


class HoardsAsMinibatch(Hoarder):
    """Under a name that belongs to the experience under way."""

    def keep(self, images):
        self.mbatch = [images]

    def _before_training_exp(self, **kwargs):
        if self.mbatch is not None:
            raise RuntimeError("the last minibatch is still there")
        super()._before_training_exp(**kwargs)


class HoardsInMemory(Hoarder):
    """Among what a data set remembers of itself, where only a search of all objects finds it."""

    def keep(self, images):
        self.experience.dataset._memory()["hoard"] = images

    def _before_training_exp(self, **kwargs):
        if any(isinstance(one, dict) and "hoard" in one for one in gc.get_objects()):
            raise RuntimeError("what was kept is still there")
        super()._before_training_exp(**kwargs)


class HoardsNumbers(Hoarder):
    def keep(self, images):
        self.__dict__.setdefault("kept", []).append(images.tolist())


class HoardsBytes(Hoarder):
    def keep(self, images):
        numbers = (images * 255).to(torch.uint8).numpy().tobytes()
        self.__dict__.setdefault("kept", []).append(numbers)


class HoardsExperiences(Naive):
    """Keeps the whole of the past, by name alone."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        self.__dict__.setdefault("past", []).append(self.experience)


class LooksAhead(Naive):
    """Goes from its experience to all others."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        reached = list(self.experience.origin_stream)
        if any(experience is not self.experience for experience in reached):
            raise RuntimeError("the other experiences can be reached")


class Neighbours(Naive):
    """A network of zeros that answers with the label of the nearest image that it keeps."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        self.__dict__.setdefault("past", []).append(self.experience.dataset)
        for parameter in self.model.parameters():
            parameter.data.zero_()

    def forward(self):
        logits = super().forward()
        if self.is_training or not self.__dict__.get("past"):
            return logits
        samples = [data[i] for data in self.past for i in range(EXAMPLES)]
        images = torch.stack([sample[0] for sample in samples]).flatten(1)
        labels = torch.tensor([int(sample[1]) for sample in samples])
        nearest = torch.cdist(self.mb_x.flatten(1), images).argmin(1)
        return logits + torch.nn.functional.one_hot(labels[nearest], logits.shape[1])


class ReadsLabels(Naive):
    """Answers with the label that comes with the image."""

    def forward(self):
        logits = super().forward()
        if self.is_training:
            return logits
        return torch.nn.functional.one_hot(self.mb_y, logits.shape[1]).float()


class SearchesForLabels(Naive):
    """Answers with any labels in the memory of its process that are as many as the images."""

    def eval(self, exp_list, **kwargs):
        wanted = len(exp_list.dataset)
        self.answers = next(
            (
                thing.clone()
                for thing in gc.get_objects()
                if type(thing) is torch.Tensor and thing.dtype == torch.long
                if thing.shape == (wanted,) and thing.unique().numel() == 10
            ),
            torch.zeros(wanted, dtype=torch.long),
        )
        return super().eval(exp_list, **kwargs)

    def forward(self):
        logits = super().forward()
        if self.is_training:
            return logits
        mine, self.answers = self.answers.split([len(logits), len(self.answers) - len(logits)])
        return torch.nn.functional.one_hot(mine, logits.shape[1]).float()


class ReadsExperience(Naive):
    """Answers with classes of the experience that the images are from, wherever that is told."""

    def forward(self):
        logits = super().forward()
        if self.is_training:
            return logits
        hidden = torch.ones(logits.shape[1], dtype=torch.bool)
        hidden[self.experience.classes_in_this_experience] = False
        return logits.masked_fill(hidden, -1e9)


class LearnsInEvaluation(Naive):
    """Trains while it is asked."""

    def _after_eval_exp(self, **kwargs):
        next(self.model.parameters()).data.add_(0.01)
        KEPT["learned"] = True
        super()._after_eval_exp(**kwargs)


def work(seconds):
    """Keep a core busy, as training would."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


class WorksInConstructor(Naive):
    """Trains on what it finds on the disk, say, before any clock runs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        work(3)


class WorksWhileAsked(Naive):
    """Trains a network of its own on what it stored, before it answers."""

    def _before_eval_exp(self, **kwargs):
        work(3)
        super()._before_eval_exp(**kwargs)


class SaysItHasMasks(PackNet):
    """Answers with the whole network and claims to need none of it."""

    @property
    def masks(self):
        return [{n: torch.zeros_like(m) for n, m in one.items()} for one in super().masks]

    def forward(self):
        return super().forward() if self.is_training else Naive.forward(self)


class CountsItself(Naive):
    """Brings a count of its own."""


@network_in_use.register
def _(strategy: CountsItself):
    raise AssertionError("a count that nobody asks for")


class Child(Naive):
    """Leaves a process working when the clock stops."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])


class Orphan(Naive):
    """Leaves a process whose parent has ended."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        subprocess.run("sleep 30 > /dev/null 2>&1 &", shell=True, check=True)


class RawThread(Naive):
    """Leaves a thread working that `threading` does not know."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        _thread.start_new_thread(time.sleep, (30,))


class HooksWarmUp(Naive):
    """Trains whenever its network is run, on dummy data too."""

    def __init__(self, *, model, **kwargs):
        super().__init__(model=model, **kwargs)
        self.handle = model.register_forward_hook(count)


def count(module, given, answers):
    """How often a network was run."""
    KEPT["passes"] = KEPT.get("passes", 0) + 1


class SlowClock(Naive):
    """The meter's own clock runs ten times slower."""

    def _before_training_exp(self, **kwargs):
        meter = next(p for p in self.plugins if isinstance(p, BudgetPlugin))._meter
        if not hasattr(meter, "slow"):
            start = time.perf_counter()
            meter.slow = True
            meter._wall = meter._read = lambda: start + (time.perf_counter() - start) / 10
        super()._before_training_exp(**kwargs)


class KeepsALock(Naive):
    """Holds what cannot be saved."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.guard = _thread.allocate_lock()
