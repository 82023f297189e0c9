"""The referee against cheats: what each tries, and what its record says."""

from __future__ import annotations

import ctypes
import shutil
import sys
from functools import cache

import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.child import NO_STEP
from bench.executor.executor import Executor
from bench.records.store import Store
from bench.runner.examiner import Findings
from bench.runner.ready import build
from bench.runner.run import run
from cheats import EXAMPLES, FILE, LINKS, SHARED_KEY
from forked import can_be_secluded
from memory import nothing_of_earlier_tests

EXPERIENCES = 5
IMAGE_BYTES = 64
TRAINING_IMAGES = 1_442
CHANCE = 0.1


def config(strategy: str, budget: str = "60steps", **options) -> RunConfig:
    fields = {"scenario": "class", "hyperparameters": {"learning_rate": 0.05}, **options}
    return RunConfig(
        benchmark="split-digits", model="mlp", strategy=strategy, budget=Budget.parse(budget),
        **fields,
    )  # fmt: skip


@cache
def found(strategy: str, scenario: str = "class") -> Findings:
    """What a run in this process finds; the module of the strategy is imported anew for it."""
    known = sys.modules.pop("cheats", None)
    findings = Findings()
    try:
        with nothing_of_earlier_tests():
            run(config(strategy, scenario=scenario), findings)
    finally:
        sys.modules.pop("cheats", None)
        if known:
            sys.modules["cheats"] = known
    return findings


def accuracy(findings: Findings) -> float:
    return sum(findings.outcome.accuracy[-1]) / EXPERIENCES


HIDERS = (
    "Swap", "SwapOnModel", "SwapOnWeight", "SwapInClosure", "SwapInNumbers", "SwapInBuffers",
    "HidesItsWeights", "SwapInView", "SwapInDataset", "SwapInObjects", "SwapInRecord",
    "SwapInImages", "SwapInComplex", "SwapInTruth", "SwapInLabel",
    "SwapInTransform", "SwapInStrides", "SwapInFieldName", "SwapInSecondLeaf",
    "SwapInHiddenLeaf", "SwapInPixels", "Whispers", "WaitsForMore",
)  # fmt: skip


@pytest.mark.parametrize("cheat", HIDERS)
def test_weights_that_come_from_elsewhere_to_answer_count_as_weights(cheat):
    honest, hidden = found("naive"), found(f"cheats:{cheat}")
    assert accuracy(hidden) == pytest.approx(accuracy(honest))
    assert hidden.weights[-1].capacity_bits >= honest.weights[-1].capacity_bits


FORGETFUL = ("SwapInGlobal", "SwapInClass", "SwapInOptimizer", "SwapInMoments")


@pytest.mark.parametrize("cheat", FORGETFUL)
def test_what_is_not_in_the_saved_state_is_not_there_to_answer_and_is_memory(cheat):
    honest, hidden = found("naive"), found(f"cheats:{cheat}")
    assert accuracy(hidden) == pytest.approx(CHANCE, abs=0.01)
    assert hidden.weights[-1].memory_bytes > honest.weights[-1].memory_bytes


@pytest.fixture
def nothing_left():
    """Nothing of a cheat lies where it looks, before and after."""

    def remove() -> None:
        FILE.unlink(missing_ok=True)
        shutil.rmtree(LINKS, ignore_errors=True)
        libc = ctypes.CDLL(None)
        libc.shmctl(libc.shmget(SHARED_KEY, 0, 0), 0, None)  # IPC_RMID

    remove()
    yield
    remove()


secluded_only = pytest.mark.skipif(not can_be_secluded(), reason="no namespaces are allowed here")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "cheat",
    [
        "SwapInFileAtImport",
        *(
            pytest.param(name, marks=secluded_only)
            for name in ("SwapInLinks", "SwapInSharedMemory")
        ),
    ],
)
def test_what_is_left_outside_of_the_process_is_not_found_to_answer(cheat):
    assert accuracy(found(f"cheats:{cheat}")) == pytest.approx(CHANCE, abs=0.01)


HOARDERS = (
    "Hoarder", "HoardsSingles", "HoardsArrays", "HoardsInClosure", "HoardsOnExperience",
    "HoardsOnBenchmark", "HoardsOnOptimizer", "HoardsInGlobal", "HoardsOnClock", "HoardsOnMeter",
    "HoardsBehindDefault", "HoardsInOrder", "HoardsUnderNewMoment", "HoardsInCache",
    "HoardsInDefault", "HoardsInQueue",
)  # fmt: skip


@pytest.mark.parametrize("cheat", HOARDERS)
def test_images_count_wherever_they_are_kept(cheat):
    last = found(f"cheats:{cheat}").weights[-1]
    assert last.stored_examples == EXPERIENCES * EXAMPLES
    assert last.buffer_bytes >= EXPERIENCES * EXAMPLES * IMAGE_BYTES


@pytest.mark.parametrize("cheat", ["HoardsNumbers", "HoardsBytes", "HoardsInNames"])
def test_images_as_numbers_or_bytes_are_memory(cheat):
    last, honest = found(f"cheats:{cheat}").weights[-1], found("naive").weights[-1]
    more = last.memory_bytes - honest.memory_bytes
    free = 1_000 + EXPERIENCES * 300
    assert more > EXPERIENCES * EXAMPLES * IMAGE_BYTES - free > 3_000


@pytest.mark.parametrize("cheat", ["HoardsAsMinibatch", "HoardsInMemory"])
def test_what_belongs_to_an_experience_is_gone_when_the_next_one_begins(cheat):
    assert found(f"cheats:{cheat}").weights[-1].stored_examples == 0


def test_gradients_are_gone_when_the_next_experience_begins():
    assert found("cheats:HoardsInGradients").outcome is not None


@pytest.mark.parametrize("cheat", ["HoardsInMap", "HoardsInPlace"])
def test_memory_that_was_there_from_the_start_counts_once_it_is_written_to(cheat):
    written = found(f"cheats:{cheat}").weights[-1].buffer_bytes
    assert written >= EXPERIENCES * EXAMPLES * IMAGE_BYTES


def test_experiences_that_are_kept_are_all_their_examples():
    assert found("cheats:HoardsExperiences").weights[-1].stored_examples == TRAINING_IMAGES


def test_an_experience_leads_to_no_other():
    assert found("cheats:LooksAhead").outcome is not None


def test_examples_that_answers_need_count_as_weights():
    neighbours = found("cheats:Neighbours")
    assert accuracy(neighbours) > 0.6
    weights = neighbours.weights[-1]
    assert weights.stored_examples == TRAINING_IMAGES
    assert weights.used * 4 > TRAINING_IMAGES * IMAGE_BYTES


@pytest.mark.parametrize("scenario", ["task", "class"])
def test_labels_are_not_shown(scenario):
    chance = {"task": 0.5, "class": CHANCE}[scenario]
    assert accuracy(found("cheats:ReadsLabels", scenario)) == pytest.approx(chance, abs=0.05)


def test_no_labels_of_the_test_are_in_the_process_that_answers():
    assert accuracy(found("cheats:SearchesForLabels")) == pytest.approx(CHANCE, abs=0.05)


def test_the_experience_is_not_told_where_the_scenario_does_not():
    told, plain = found("cheats:ReadsExperience"), found("naive")
    assert told.outcome.accuracy == plain.outcome.accuracy
    aware = plain.outcome.accuracy_task_aware
    assert sum(aware[-1]) > 2 * sum(plain.outcome.accuracy[-1])  # what there was to win


def test_what_is_learned_while_asked_is_forgotten():
    assert found("cheats:LearnsInEvaluation").outcome == found("naive").outcome


def test_a_zero_has_no_sign_to_answer_from():
    assert accuracy(found("cheats:SignsOfZeros")) == pytest.approx(CHANCE, abs=0.01)


def test_a_buffer_of_a_layer_that_has_none_counts():
    honest, hidden = found("naive", "task"), found("cheats:SwapInNorm", "task")
    assert accuracy(hidden) == pytest.approx(accuracy(honest))
    assert hidden.weights[-1].capacity_bits >= honest.weights[-1].capacity_bits


@pytest.mark.parametrize("cheat", ["SaysItHasMasks", "SaysItIsOurs"])
def test_masks_of_a_class_from_elsewhere_are_not_believed(cheat):
    claimed = found(f"cheats:{cheat}", "task").weights[-1]
    assert claimed.mask_bits == 0
    assert claimed.used_prunable == found("packnet-frozen", "task").weights[-1].used_prunable


@pytest.mark.parametrize(
    ("cheat", "got"),
    [
        ("SwapInOwnDataset", "a _Tiny, a data set of its own kind: keep tensors"),
        ("SwapInSparse", "a sparse tensor: keep its indices and its values"),
        ("SwapInMask", "MaskedArray, an array of its own kind: keep plain arrays"),
    ],
)
def test_what_only_its_own_class_could_measure_ends_the_run(cheat, got):
    with pytest.raises(ValueError, match=got):
        found(f"cheats:{cheat}")


def test_images_beside_each_other_tell_nothing_of_each_other(tmp_path):
    assert accuracy(found("cheats:AsksNeighbours", "task")) < accuracy(found("naive", "task"))


def test_training_that_calls_no_hook_ends_no_budget_of_steps(tmp_path):
    [record] = Executor(Store(tmp_path)).run([config("cheats:OwnLoop")])
    assert record.status == "error"
    assert record.reason == NO_STEP


def test_what_tells_pickle_a_story_is_refused_before_the_run():
    with pytest.raises(ValueError, match="got: Story with __getstate__ of its own"):
        found("cheats:TellsAStory")


def test_a_count_of_its_own_is_refused_before_the_run():
    with pytest.raises(ValueError, match=r"weights of CountsItself must be counted by the referee"):
        found("cheats:CountsItself")


def test_what_cannot_be_saved_is_refused_before_the_run():
    message = "what KeepsALock keeps between experiences must be something that pickle can save"
    with pytest.raises(ValueError, match=message):
        found("cheats:KeepsALock")


@pytest.mark.parametrize(
    ("cheat", "budget", "reason"),
    [
        ("Child", "60steps", "UnchargedWork: processes run on while the clock stands still: pyth"),
        (
            "Orphan",
            "60steps",
            "UnchargedWork: processes run on while the clock stands still: sleep",
        ),
        (
            "RawThread",
            "60steps",
            "UnchargedWork: threads run on while the clock stands still: one without a name",
        ),
        ("SlowClock", "1s", "UnchargedWork: the meter missed "),
        ("WorksInConstructor", "60steps", "UnchargedWork: its constructor took 3."),
        ("WorksWhileAsked", "60steps", "UnchargedWork: answering took "),
    ],
)
def test_work_beside_the_clock_ends_the_run(tmp_path, cheat, budget, reason):
    [record] = Executor(Store(tmp_path)).run([config(f"cheats:{cheat}", budget)])
    assert record.status == "error"
    assert record.reason.startswith(reason)


def test_no_hook_of_a_strategy_is_run_on_the_dummy_data_of_the_warm_up():
    built = build(config("cheats:HooksWarmUp"), None, examined=True)
    built.room.close()
    assert "passes" not in sys.modules["cheats"].KEPT
    assert built.meter.uncharged["warm_up"] > 0
