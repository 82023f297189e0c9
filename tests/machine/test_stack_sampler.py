from __future__ import annotations

import signal
import sys
import threading

import pytest

from bench.machine.stack_sampler import REFEREE, Call, Sampler, charged_frames, part_of

LOOP = "avalanche.training.templates.update_type.sgd_update"
TRAIN = Call("avalanche.training.templates.base_sgd", "train", "Own")
EPOCH = Call(LOOP, "training_epoch", "Own")
TRIGGER = Call("avalanche.training.utils", "trigger_plugins", None)
NN_FORWARD = Call("torch.nn.modules.linear", "forward", "Linear")
HOOK = Call("avalanche.training.templates.base", "_before_backward", "Own")
OWN_HOOK = Call("own", "_after_training_iteration", "Own")
LOADER = Call("torch.utils.data.dataloader", "__next__", "_Iterator")


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ([], "frame"),
        ([EPOCH], "frame"),
        ([EPOCH, HOOK, TRIGGER], "frame"),
        ([EPOCH, Call("avalanche.benchmarks.utils.data_loader", "__iter__", "Loader")], "data"),
        ([EPOCH, LOADER], "data"),
        ([EPOCH, Call(LOOP, "_unpack_minibatch", "Own")], "data"),
        ([EPOCH, Call(LOOP, "forward", "Own"), NN_FORWARD], "forward"),
        ([EPOCH, Call(LOOP, "criterion", "Own"), Call("torch.nn", "forward", "Loss")], "loss"),
        ([EPOCH, Call(LOOP, "backward", "Own"), Call("torch", "backward", None)], "backward"),
        ([EPOCH, Call("own", "optimizer_step", "Own"), Call("own", "restore", "G")], "optimizer"),
        ([EPOCH, Call("torch.optim.optimizer", "zero_grad", "SGD")], "optimizer"),
        ([EPOCH, HOOK, TRIGGER, Call("a", "before_backward", "EWCPlugin")], "EWCPlugin"),
        ([HOOK, TRIGGER, Call("a", "after", "EWCPlugin"), LOADER, NN_FORWARD], "EWCPlugin"),
        ([EPOCH, OWN_HOOK], "Own"),
        (
            [EPOCH, OWN_HOOK, HOOK, TRIGGER, Call("bench.runner.budget_plugin", "x", "Budget")],
            "Budget",
        ),
        ([EPOCH, OWN_HOOK, Call("own", "sleep", "Prune"), NN_FORWARD], "night: Prune"),
        ([EPOCH, NN_FORWARD], "frame"),
    ],
)
def test_the_first_call_that_says_something_names_the_part(stack, part):
    assert part_of(TRAIN, stack) == part


class Strategy:
    def train(self):
        return [f.f_code.co_name for f in self.hook()]

    def hook(self):
        return charged_frames(sys._getframe())


@pytest.mark.parametrize(("method", "stack"), [("train", ["train", "hook"]), ("hook", [])])
def test_only_what_the_referee_trains_is_charged(method, stack):
    referee = {"__name__": REFEREE}
    exec(f"def run(strategy): return strategy.{method}()", referee)
    assert referee["run"](Strategy()) == stack
    assert charged_frames(sys._getframe()) == []


def test_the_sampler_starts_no_thread_and_leaves_the_signal_as_it_was():
    before, threads = signal.getsignal(signal.SIGALRM), threading.active_count()
    with Sampler() as sampler:
        assert threading.active_count() == threads
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == before
    assert sampler.seconds == {}
