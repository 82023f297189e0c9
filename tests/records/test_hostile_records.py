"""Files that somebody put among the records: none is fatal, each is named with its reason."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from bench.config.budget import Budget
from bench.config.run_config import RULESET
from bench.leaderboards import build
from bench.ranking import admission, rank
from bench.records.schema import SCHEMA
from bench.records.store import MOST_BYTES, RecordError, Store, checksum, read_record
from factories import make_record, make_runs, write

SCHEMAS = Path(__file__).parent / "schemas"
ODD = "odd.json"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of pages with the records of one strategy at two seeds."""
    root = tmp_path / "leaderboards"
    write(root / "records", make_runs(seeds=2))
    return root


def signed(payload: dict) -> str:
    """A record's text with the checksum that it needs."""
    payload.pop("checksum", None)
    return json.dumps(payload | {"checksum": checksum(payload)})


def built(folder: Path) -> str:
    """The page of the records, which must come about and agree with them but for what is left out.

    Returns what `verify` says.
    """
    build.build(folder / "records", folder)
    page = (folder / "split-mnist" / "class-20s.md").read_text()
    assert "| damaged files left out |" in page
    assert re.search(r"^\| [^|]* \| naive \| .* \| 2 \|$", page, re.MULTILINE)
    return "\n".join(build.verify(folder))


def a_link(path):
    path.symlink_to("/etc/hostname")


def a_link_to_a_record(path):
    path.symlink_to(next(path.parent.rglob("split-mnist*/**/*.json")))


def a_pipe(path):
    os.mkfifo(path)


def a_folder(path):
    path.mkdir()


def too_large(path):
    with path.open("w") as file:
        file.truncate(MOST_BYTES + 1)


def no_text(path):
    path.write_bytes(b"\x80\x04\x95pickled")


def too_deep(path):
    path.write_text("[" * 100_000)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (a_link, "it must be a plain file, no link, folder or pipe"),
        (a_link_to_a_record, "it must be a plain file"),
        (a_pipe, "it must be a plain file"),
        (a_folder, "it must be a plain file"),
        (too_large, f"it must have at most {MOST_BYTES} bytes, got {MOST_BYTES + 1}"),
        (no_text, "codec can't decode"),
        (too_deep, "recursion"),
    ],
)
def test_what_is_no_plain_file_of_text_is_left_out_by_name(folder, make, reason):
    make(folder / "records" / ODD)
    found = built(folder)
    assert found.startswith(f"records/{ODD}: not readable as a record: ")
    assert reason in found


def test_a_file_whose_name_is_no_text_is_left_out(folder):
    record = next((folder / "records").rglob("*.json"))
    shutil.copy(record, os.fsencode(folder / "records") + b"/\xff.json")
    assert "surrogates not allowed" in built(folder)


@pytest.mark.parametrize("name", ["out", ".out", "split-mnist-class/out"])
def test_a_link_to_a_folder_is_named_and_not_entered(folder, tmp_path, name):
    write(tmp_path / "elsewhere", make_runs("ewc"))
    (folder / "records" / name).symlink_to(tmp_path / "elsewhere")
    reason = "not readable as a record: it must be a plain file, no link, folder or pipe"
    assert built(folder) == f"records/{name}: {reason}"
    page = (folder / "split-mnist" / "class-20s.md").read_text()
    assert "ewc" not in page
    assert f"| damaged files left out | {name.count('/')} |" in page  # on the page of its cell


def put(*path, value):
    """A change of a record's payload."""

    def change(payload):
        for name in path[:-1]:
            payload = payload[name]
        payload[path[-1]] = value

    change.__name__ = f"{'.'.join(map(str, path))}={str(value)[:20]}"
    return change


def resolved_otherwise(payload):
    payload["config"]["hyperparameters"]["k"] = 1
    payload["resolved"]["k"] = 2


def of_two_experiences(payload):
    shorter = make_record(matrix=[[0.9, 0.1], [0.9, 0.9]]).model_dump(mode="json")
    payload |= {name: shorter[name] for name in ("outcome", "cost", "weights")}


def weights_of_the_first(payload):
    del payload["weights"][1:]


CHANGES = [
    (put("schema_version", value=9), f"schema_version must be in 1 to {SCHEMA}, got 9"),
    (put("schema_version", value="x" * 10**5), "schema_version must be in 1 to"),
    (put("schema_version", value=0), "schema_version must be in 1 to"),
    (put("strategy", value="ewc"), "strategy: Extra inputs are not permitted"),
    (put("config", "strategy", value="\ud800"), "surrogates not allowed"),
    (put("resolved", "a", value="\ud800"), "surrogates not allowed"),
    (put("resolved", "\ud800", value=1), "surrogates not allowed"),
    (put("resolved", "a", value=[[[1]]]), "resolved.a"),
    (put("outcome", "accuracy", value=[[1.0]]), "accuracy must be 5 x 5"),
    (put("outcome", "accuracy", value=[[0.1, 0.1], [0.1]]), "accuracy must be 5 x 5"),
    (put("outcome", "accuracy", 1, 1, value=1.5), "less than or equal to 1"),
    (put("outcome", "accuracy", 4, 4, value=None), "the final accuracy has gaps"),
    (put("outcome", "chance", value=0), "greater than 0"),
    (put("outcome", "curve", value=[[1e308, 0.5]]), "less than or equal to 1000000000000"),
    (put("weights", 0, "total", value=10**400), "weights.0.total"),
    (put("weights", 0, "buffer_bytes", value=-1), "weights.0.buffer_bytes"),
    (put("weights", 0, "artifact_bytes", value=2**63), "weights.0.artifact_bytes"),
    (put("cost", "seconds_by_kind", "train", value=1e308), "cost.seconds_by_kind.train"),
    (put("cost", "charged_by_experience", value=[0.1] * 5), "must be the sum of charged_by"),
    (put("cost", "charged_by_experience", value=[18]), "must have 5 entries, got 1"),
    (put("cost", "seconds_by_kind", "train", value=0.9), "must be the sum of seconds_by_kind, 0.9"),
    (put("cost", "longest_step", value=3.7), "at most what one experience charged, 3.6, got 3.7"),
    (put("cost", "charged", value=-1), "cost.charged"),
    (put("cost", "steps_by_experience", value=[1, 0, 0, 0, 0]), "must add up to 100"),
    (put("cost", "wall_seconds", value=6000), "wall_seconds must be the 18 charged, got 6000"),
    (put("cost", "cpu_seconds", value=1e6), "cpu_seconds must be at most 19.15, got 1000000.00"),
    (put("cost", "cpu_share", value=0.5), "cpu_share must be 0.9, got 0.5"),
    (put("outcome", "test_samples", value=[0] * 5), "outcome.test_samples.0"),
    (resolved_otherwise, "resolved k must be 1, got 2"),
    (put("environment", "ended", value="2025-01-01T00:00:00Z"), "have ended after it started"),
    (put("config", "repetition", value=10**7), "config.repetition"),
    (put("cost", "samples", value=10**400), "cost.samples"),
    (put("config", "budget", "amount", value=1e300), "config.budget.amount"),
    (put("config", "benchmark", value="records"), "unknown benchmark 'records'"),
    (put("config", "benchmark", value="../../etc"), "unknown benchmark '../../etc'"),
    (put("config", "benchmark", value="INDEX.md"), "unknown benchmark 'INDEX.md'"),
    (put("config", "repetition", value=-1), "config.repetition"),
    (put("config", "allocation", value="0,1"), "allocation must be samples, equal, or a whole"),
    (put("environment", "started", value="yesterday"), "environment.started"),
    (put("environment", "started", value="2026-01-01T00:00:00"), "environment.started"),
    (put("environment", "fingerprint", value="f" * 12), "fingerprint must be that of its machine"),
    (put("environment", "machine", "cpu", value="faster"), "fingerprint must be that of its"),
    (put("environment", "machine", "cpu", value="a\u202eb"), "its text must be printable"),
    (put("ruleset", value="1.0\u200b"), "its text must be printable"),
    (put("config", "threads", value=10**400), "config.threads"),
    (put("config", "strategy", value="naive "), "a name with no space around it"),
    (put("config", "strategy", value=""), "a name with no space around it"),
    (put("config", "model", value="larger"), "unknown model 'larger'"),
    (put("attempt", value=10**11), "attempt: Input should be less than or equal to 10000"),
    (put("cost", "seconds_by_kind", value={"other": 18.0}), "cost.seconds_by_kind.other"),
    (of_two_experiences, "the stream has 5 experiences, got 2"),
    (weights_of_the_first, "weights must have 5 entries, got 1"),
    (put("digest", value="0" * 64), "the digest is not that of its configuration"),
]


@pytest.mark.parametrize(
    ("change", "reason"), CHANGES, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_signed_record_that_cannot_be_is_left_out_by_reason(folder, change, reason):
    payload = json.loads(next((folder / "records").rglob("*.json")).read_text())
    payload["config"]["repetition"] = 7
    change(payload)
    if "digest" not in change.__name__:
        payload["digest"] = _digest(payload)
    (folder / "records" / ODD).write_text(signed(payload))
    found = built(folder)
    assert found.startswith(f"records/{ODD}: ")
    assert reason in found


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ({"longest_step": 10.0}, "status ok needs charged in [0, 20.2], got 30"),
        ({"longest_step": 6.0, "median_step": 6.0}, "status ok needs charged in [0, 26], got 30"),
        ({"longest_step": 6.0, "median_step": 10.0}, "must fit into what was charged: 0.6, got 10"),
    ],
)
def test_a_step_cannot_be_forged_to_excuse_an_overdraft(folder, steps, reason):
    payload = json.loads(next((folder / "records").rglob("*.json")).read_text())
    payload["cost"] |= {  # 30 s of 20 s, 6 s in each of five experiences
        "charged": 30.0, "charged_by_experience": [6.0] * 5, "seconds_by_kind": {"train": 30.0},
        **steps,
    }  # fmt: skip
    (folder / "records" / ODD).write_text(signed(payload))
    assert reason in built(folder)


def test_on_the_steps_clock_seconds_need_not_add_up_to_what_was_charged(tmp_path):
    record = make_record(budget=Budget.parse("100steps"))
    assert record.cost.charged == 90
    cost = record.cost.model_copy(update={"seconds_by_kind": {"train": 0.5}, "longest_step": 0.1})
    path = Store(tmp_path).write(record.model_copy(update={"cost": cost}))
    assert read_record(path).status == "ok"


def _digest(payload):
    """The digest of a configuration that can be one."""
    from pydantic import ValidationError

    from bench.config.run_config import RunConfig

    try:
        return RunConfig.model_validate(payload["config"]).digest
    except ValidationError:
        return payload["digest"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\x9b"])
def test_text_that_cannot_be_seen_is_refused_though_no_escape_writes_it(folder, hidden):
    payload = make_record("ewc", hyperparameters={"k": f"1{hidden}"}).model_dump(mode="json")
    text = json.dumps(payload | {"checksum": checksum(payload)}, ensure_ascii=False)
    assert "\\" not in text
    (folder / "records" / ODD).write_text(text)
    assert "its text must be printable" in built(folder)


def test_a_copy_from_another_machine_of_a_run_in_steps_is_a_copy(tmp_path):
    steps = {"budget": Budget.parse("100steps")}
    root = write(tmp_path / "records", [make_record(**steps)])
    other = make_record(cpu="other", **steps).model_dump(mode="json")
    (root / ODD).write_text(signed(other))
    assert list(admission.read(root).damaged) == [Path(ODD)]
    timed = write(tmp_path / "timed", [make_record()])
    (timed / ODD).write_text(signed(make_record(cpu="other").model_dump(mode="json")))
    assert admission.read(timed).damaged == {}


def test_another_chance_makes_a_table_of_its_own_and_spoils_none(folder):
    other = make_record("ewc", chance=0.999)
    write(folder / "records", [other])
    assert built(folder) == ""
    page = (folder / "split-mnist" / "class-20s.md").read_text()
    assert "one table each: chance differs: 0.1, 0.999." in page


@pytest.mark.parametrize("evil", ["=1+1", " =1+1", "＝1+1", "@SUM(A1)", "-1"])
def test_no_cell_of_any_record_starts_a_formula(folder, evil):
    name = evil.strip() if evil.isascii() else "own"
    write(
        folder / "records", [make_record(name, hyperparameters={evil: evil}, resolved={evil: evil})]
    )
    assert built(folder) == ""
    import csv

    with (folder / "split-mnist" / "class-20s.csv").open(newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert any(evil in cell for cell in cells)
    for cell in cells:
        assert cell.lstrip()[:1] not in {"=", "+", "@", "＝"}
        assert not cell.startswith("-") or float(cell) < 0


@pytest.mark.parametrize("hidden", ["\n=1+1", "\t+1", "na\x00ive", "na\u202eive", "naive\u200b"])
@pytest.mark.parametrize("where", ["strategy", "name", "value", "machine"])
def test_text_that_a_page_cannot_show_as_it_is_leaves_the_record_out(folder, hidden, where):
    odd = make_record(
        hidden if where == "strategy" else "odd",
        hyperparameters={hidden if where == "name" else "k": hidden if where == "value" else 1},
    )
    if where == "machine":
        machine = {**odd.environment.machine, "cpu": hidden}
        odd = odd.model_copy(
            update={"environment": odd.environment.model_copy(update={"machine": machine})}
        )
    write(folder / "records", [odd])
    assert "its text must be printable" in built(folder)


def test_the_record_that_lies_where_a_run_writes_it_counts_and_copies_are_named(folder):
    root = folder / "records"
    (first, *_) = sorted(root.rglob("*.json"))
    payload = json.loads(first.read_text())
    payload["outcome"]["accuracy"][-1] = [1.0] * 5
    forged = root / "aaa" / first.name
    forged.parent.mkdir()
    forged.write_text(signed(payload))
    shutil.copy(first, root / "copy.json")
    told = built(folder)
    for name in (f"aaa/{first.name}", "copy.json"):
        assert f"{name}: the same attempt at the same run as {first.relative_to(root)}" in told
    stored = admission.read(root).stored
    assert {item.path for item in stored} == set(root.rglob("naive/*.json"))


def test_the_same_run_under_another_ruleset_is_no_copy(folder):
    root = folder / "records"
    (first, *_) = sorted(root.rglob("*.json"))
    payload = json.loads(first.read_text())
    assert payload["ruleset"] == RULESET
    payload["ruleset"] = "1.0"
    earlier = root / "ruleset-1.0" / first.name
    earlier.parent.mkdir()
    earlier.write_text(signed(payload))
    evidence = admission.read(root)
    assert evidence.damaged == {}
    assert {first, earlier} <= {item.path for item in evidence.stored}


def test_no_record_takes_a_strategy_out_of_the_ranking(folder):
    write(folder / "records", [make_record("naive", 5, ranked=False)])
    assert "ranked must be True for naive, got False" in built(folder)
    unknown = [make_record("my:Own", 0), make_record("my:Own", 1, ranked=False)]
    write(folder / "records", unknown)
    (leaderboard,) = rank.rank_all(admission.read(folder / "records").stored)
    assert {row.label for row in leaderboard.rows} == {"naive", "my:Own"}


def test_a_name_with_the_look_of_another_is_left_out(folder):
    write(folder / "records", [make_record("na\u0456ve")])
    told = built(folder)
    assert "strategy must be of ASCII letters, got" in told
    assert told.isascii()


def test_a_folder_with_neither_pages_nor_records_does_not_agree(tmp_path):
    assert build.verify(tmp_path) == [f"{tmp_path} must hold pages or records, found none"]


@pytest.mark.parametrize("version", range(1, SCHEMA + 1))
def test_a_record_of_each_schema_is_read(version):
    path = SCHEMAS / f"{version}.json"
    assert json.loads(path.read_text())["schema_version"] == version
    record = read_record(path)
    assert record.schema_version == SCHEMA
    assert record.status == "ok"
    if version == 1:
        assert record.environment.calibration is None
        assert record.cost.steps_by_experience is None
    else:
        assert sum(record.cost.steps_by_experience) == sum(record.cost.steps.values())
    if version >= 5:
        assert 0 < record.cost.median_step <= record.cost.longest_step
    if version >= 6:
        assert record.cost.accounted_seconds < record.outside.wall_seconds
        assert record.cost.cpu_seconds < record.outside.cpu_seconds
    else:
        assert record.outside is None


def test_a_record_of_an_older_schema_is_written_in_the_present_one(tmp_path):
    record = read_record(SCHEMAS / "1.json")
    path = Store(tmp_path).write(record)
    assert json.loads(path.read_text())["schema_version"] == SCHEMA
    assert read_record(path) == record


def test_a_record_error_names_file_and_reason(tmp_path):
    with pytest.raises(RecordError, match=r"none\.json: not readable as a record: .*No such file"):
        read_record(tmp_path / "none.json")
