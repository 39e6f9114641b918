"""The loop learns, logs, goes on where it was killed, alone or with others."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import permutations

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from motionloupe.errors import UserError
from motionloupe.networks.weights import load_weights
from motionloupe.stored import read_tensors, write_atomically
from motionloupe.training import distributed
from motionloupe.training.alone import alone
from motionloupe.training.checkpoints import fresh, restore, save
from motionloupe.training.config import (
    Config,
    Data,
    FlowLoss,
    MixedLoss,
    NetworkChoice,
    Optimiser,
    Report,
    TruthLoss,
)
from motionloupe.training.distributed import Process
from motionloupe.training.lessons import build_task
from motionloupe.training.loop import learn, rate_at, train
from motionloupe.training.recipes import CONFIGS
from motionloupe.training.samples import batches
from tests.training.tiny import Drifting, Jumping, tiny

CPU = torch.device("cpu")


def run(folder, steps=6, **options):
    train(tiny(steps, **options), Drifting(), Drifting(seed=9), folder, tell=lambda _: None)


def lines(folder):
    """The log, without how long it took."""
    read = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read]


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=0, rtol=0, msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of ten steps in one go."""
    folder = tmp_path_factory.mktemp("whole")
    run(folder, 10)
    return folder


def test_the_loss_goes_down(tmp_path):
    class Few(Drifting):
        def __getitem__(self, index):
            return super().__getitem__(index % 4)

    config = replace(tiny(100, rate=1e-2), report=Report(log=20, save=100, validate=100, scenes=2))
    train(config, Few(), Few(), tmp_path, tell=lambda _: None)
    losses = [line["loss"] for line in lines(tmp_path) if line["kind"] == "train"]
    assert losses[-1] < 0.75 * losses[0]


def test_the_log_holds_every_report_with_its_parts(whole):
    read = lines(whole)
    assert [(line["kind"], line["step"]) for line in read] == [
        ("validation", 0),
        ("train", 2),
        ("train", 4),
        ("validation", 4),
        ("train", 6),
        ("train", 8),
        ("validation", 8),
        ("train", 10),
        ("validation", 10),
    ]
    for line in read:
        parts = line["picture"] + 0.1 * line["regularisers"]
        assert line["loss"] == pytest.approx(parts, rel=1e-4)


def test_the_weights_can_be_loaded_and_say_where_they_come_from(whole):
    name, network, card, _ = load_weights(whole / "weights.safetensors")
    best = min(line["loss"] for line in lines(whole)[1:] if line["kind"] == "validation")
    assert name == "oh2018"
    assert card["held_out"]["loss"] == pytest.approx(best, rel=1e-5)
    assert card["config"]["network"]["options"] == {"width": 4}
    assert sum(p.numel() for p in network.parameters()) > 0
    assert len(list((whole / "pictures").glob("*.png"))) == 4


def test_a_run_may_begin_with_the_weights_of_another(whole, tmp_path):
    start = str(whole / "weights.safetensors")
    config = tiny(2)
    begun = replace(config, network=replace(config.network, start=start))
    train(begun, Drifting(), Drifting(seed=9), tmp_path / "begun", tell=lambda line: None)
    train(config, Drifting(), Drifting(seed=9), tmp_path / "random", tell=lambda line: None)
    first = [lines(tmp_path / name)[0]["loss"] for name in ("begun", "random")]
    best = min(row["loss"] for row in lines(whole) if row["kind"] == "validation")
    assert first[0] == pytest.approx(best, rel=1e-2)  # stored in half precision
    assert first[0] < first[1]
    wider = replace(config, network=NetworkChoice("oh2018", {"width": 8}, start))
    with pytest.raises(UserError, match="does not fit oh2018"):
        train(wider, Drifting(), Drifting(seed=9), tmp_path / "wider", tell=lambda line: None)


def test_a_run_never_keeps_worse_weights_than_it_began_with(whole, tmp_path):
    config = tiny(2, rate=0.3, warmup=0)
    config = replace(
        config, network=replace(config.network, start=str(whole / "weights.safetensors"))
    )
    train(config, Drifting(), Drifting(seed=9), tmp_path, tell=lambda line: None)
    first, *_, last = (row["loss"] for row in lines(tmp_path) if row["kind"] == "validation")
    assert last > 2 * first
    kept, begun = (load_weights(folder / "weights.safetensors") for folder in (tmp_path, whole))
    assert kept.card["step"] == 0
    same(kept.network.state_dict(), begun.network.state_dict())


def test_other_held_out_scenes_do_not_freeze_the_best_weights(tmp_path):
    told = []
    for count, steps in ((1, 4), (5, 8)):
        config = replace(tiny(steps), report=Report(log=2, save=2, validate=4, scenes=count))
        harder = Drifting(seed=9) if count == 1 else Jumping(seed=9)
        train(config, Drifting(), harder, tmp_path, tell=told.append)
    losses = [row["loss"] for row in lines(tmp_path) if row["kind"] == "validation"]
    assert losses[-1] > losses[1]
    assert load_weights(tmp_path / "weights.safetensors").card["step"] == 8
    assert any("the best weights are sought anew" in line for line in told)


def test_another_number_of_steps_is_told_where_it_changes_the_pace(tmp_path):
    for steps, said in ((4, ""), (8, "8 steps instead of 4"), (6, "8 of 6 steps are done")):
        told = []
        config = tiny(steps, schedule="cosine")
        train(config, Drifting(), Drifting(seed=9), tmp_path, tell=told.append)
        assert said in told[0]


def test_the_last_step_is_reported(tmp_path):
    run(tmp_path, 5)
    assert [row["step"] for row in lines(tmp_path) if row["kind"] == "train"] == [2, 4, 5]


def test_the_caller_s_random_numbers_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fresh(tiny(), CPU)
    assert torch.equal(torch.rand(3), expected)


def test_many_gpus_share_the_batch_norms_of_what_learns_alone(monkeypatch):
    """The estimator in the loss is frozen: it has none that could be shared."""
    monkeypatch.setattr(distributed, "DistributedDataParallel", lambda task, **_: task)
    task = build_task(replace(CONFIGS["flowmag"]["small"], loss=FlowLoss(flow="motion-finder")))
    Process(0, 2, torch.device("cuda")).share(task)
    norms = [part for part in task.network.modules() if isinstance(part, nn.BatchNorm2d)]
    assert not norms
    shared = [part for part in task.modules() if isinstance(part, nn.SyncBatchNorm)]
    assert shared
    assert set(shared) <= set(task.network.modules())


def test_stopping_and_going_on_is_as_never_stopping(whole, tmp_path):
    run(tmp_path, 6)
    run(tmp_path, 10)
    same(
        load_file(tmp_path / "checkpoint.safetensors"), load_file(whole / "checkpoint.safetensors")
    )
    kept = [line for line in lines(tmp_path) if (line["kind"], line["step"]) != ("validation", 6)]
    assert kept == lines(whole)


def test_killing_it_at_any_moment_costs_only_time(whole, tmp_path):
    command = [sys.executable, "-m", "tests.training.tiny", str(tmp_path), "10"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoint.safetensors").exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    run(tmp_path, 10)
    same(
        load_file(tmp_path / "checkpoint.safetensors"), load_file(whole / "checkpoint.safetensors")
    )
    assert lines(tmp_path) == lines(whole)


def test_two_runs_do_not_share_a_folder(tmp_path):
    with alone(tmp_path), pytest.raises(UserError, match="another training"):
        run(tmp_path, 2)
    assert not (tmp_path / "log.jsonl").exists()
    run(tmp_path, 2)


def test_another_configuration_is_not_mixed_in(whole):
    with pytest.raises(UserError, match=r"optimiser\.rate"):
        run(whole, 10, rate=1e-4)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match="safetensors"):
        run(tmp_path)


def test_a_checkpoint_without_the_optimiser_is_not_gone_on_from(whole, tmp_path):
    tensors, metadata = read_tensors(whole / "checkpoint.safetensors")
    kept = {name: value for name, value in tensors.items() if not name.startswith("optimiser.")}
    write_atomically(tmp_path / "checkpoint.safetensors", kept, metadata)
    with pytest.raises(UserError, match="older version"):
        run(tmp_path, 12)


def test_a_diverging_run_stops_and_keeps_its_checkpoint(tmp_path):
    class Bad(Drifting):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            if index >= 16:
                sample["a"] = sample["a"] * math.nan
            return sample

    with pytest.raises(UserError, match="step 4"):
        train(tiny(8), Bad(), Drifting(9), tmp_path, tell=lambda _: None)
    assert read_tensors(tmp_path / "checkpoint.safetensors")[1]["run"]["step"] == 4


def test_a_run_whose_weights_became_useless_does_not_count_as_trained(tmp_path):
    with pytest.raises(UserError, match=r"on held-out samples became (nan|inf) at step 1"):
        run(tmp_path, 1, rate=1e30, warmup=0)
    assert not (tmp_path / "checkpoint.safetensors").exists()
    assert not (tmp_path / "weights.safetensors").exists()


def test_weights_that_are_not_finite_are_not_kept(tmp_path):
    state = fresh(tiny(), CPU)
    torch.nn.init.constant_(next(state.task.network.parameters()), math.nan)
    with pytest.raises(UserError, match="no longer finite"):
        save(state, tmp_path / "checkpoint.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_log_that_a_crash_has_torn_keeps_no_run_from_going_on(whole, tmp_path):
    run(tmp_path, 6)
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b"\0\0\xff\n[]\n{}\n3\n" + b'{"kind": "train", "st')
    run(tmp_path, 10)
    kept = [line for line in lines(tmp_path) if (line["kind"], line["step"]) != ("validation", 6)]
    assert kept == lines(whole)


def test_what_a_run_began_with_may_be_gone_when_it_goes_on(whole, tmp_path):
    start = tmp_path / "start.safetensors"
    shutil.copy(whole / "weights.safetensors", start)
    folders = tmp_path / "kept", tmp_path / "gone"
    for steps in (2, 4):
        for folder in folders:
            config = replace(tiny(steps), network=NetworkChoice("oh2018", {"width": 4}, str(start)))
            if steps == 4 and folder == folders[1]:
                start.unlink()
            train(config, Drifting(), Drifting(9), folder, tell=lambda _: None)
    same(*(load_file(folder / "checkpoint.safetensors") for folder in folders))


FLOW = FlowLoss(flow="lucas-kanade")
LOSSES = [MixedLoss(flow=FLOW), FLOW, TruthLoss()]


@pytest.mark.parametrize(("old", "new"), list(permutations(LOSSES, 2)))
def test_another_kind_of_loss_is_not_mixed_in(tmp_path, old, new):
    network = NetworkChoice("flowmag-splat", {"base": 4})
    began, config = (Config("flowmag", network, loss, Optimiser(1, 1.0)) for loss in (old, new))
    save(fresh(began, CPU), tmp_path / "checkpoint.safetensors")
    with pytest.raises(UserError, match="belongs to a run with loss"):
        restore(fresh(config, CPU), tmp_path / "checkpoint.safetensors")


def test_the_log_tells_the_rate_of_each_step(tmp_path):
    run(tmp_path, 6, schedule="cosine")
    told = {line["step"]: line["rate"] for line in lines(tmp_path) if line["kind"] == "train"}
    options = tiny(6, schedule="cosine").optimiser
    assert told == {step: pytest.approx(rate_at(step - 1, options), rel=1e-5) for step in (2, 4, 6)}


def test_time_spent_on_looking_is_not_the_step_s(tmp_path):
    class Slow(Drifting):
        def __getitem__(self, index):
            time.sleep(1.0)
            return super().__getitem__(index)

    config = replace(tiny(4), report=Report(log=1, save=1, validate=1, scenes=1))
    train(config, Drifting(), Slow(9), tmp_path, tell=lambda _: None)
    read = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert min(line["seconds"] for line in read if line["kind"] == "train") < 1.0


def test_reports_that_a_resumed_run_could_not_repeat_are_refused(tmp_path):
    config = replace(tiny(), report=Report(log=3, save=2))
    with pytest.raises(UserError, match="multiples of log"):
        train(config, Drifting(), Drifting(), tmp_path)


def test_two_processes_learn_what_one_learns(tmp_path):
    steps = 3
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*torchrun, "-m", "tests.training.tiny", str(tmp_path / "two"), str(steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    run(tmp_path / "one", steps)
    one, two = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("one", "two"))
    for name in one:
        # Adam divides by the gradient's size, so a gradient that differs would differ by a step
        torch.testing.assert_close(one[name], two[name], atol=2e-5, rtol=1e-3, msg=name)
    assert lines(tmp_path / "one")[1]["loss"] == pytest.approx(lines(tmp_path / "two")[1]["loss"])


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UserError, match="3 processes"):
        run(tmp_path)


@pytest.mark.parametrize("count", [1, 2])
def test_a_step_holds_the_same_samples_however_they_are_shared_out(count):
    shares = []
    for number in range(count):
        stream = batches(Drifting(), Data(batch=4), 3, 5, Process(number, count, CPU))
        shares.append(next(iter(stream))["a"])
    expected = torch.stack([Drifting()[index]["a"] for index in (12, 13, 14, 15)])
    torch.testing.assert_close(torch.cat(shares), expected)


def test_the_rate_rises_then_follows_the_cosine():
    options = Optimiser(steps=100, rate=1.0, warmup=10, schedule="cosine")
    assert rate_at(0, options) == pytest.approx(0.1, rel=1e-2)
    assert rate_at(50, options) == pytest.approx(0.505)
    assert rate_at(100, options) == pytest.approx(0.01)
    assert rate_at(77, Optimiser(steps=100, rate=1.0)) == 1.0


def test_the_average_follows_the_weights():
    state = fresh(tiny(ema=0.5), CPU)
    name, parameter = next(iter(state.task.network.named_parameters()))
    before = parameter.detach().clone()
    batch = next(iter(batches(Drifting(), Data(batch=2), 0, 1, Process())))
    learn(state.task, state, batch)
    expected = before + (parameter.detach() - before) * (1 - 2 / 11)
    torch.testing.assert_close(state.average.weights[name], expected)
    with state.average.within(state.task.network):
        torch.testing.assert_close(parameter.detach(), expected)
    assert not torch.equal(parameter.detach(), expected)


def test_a_bound_on_the_gradient_and_bfloat16_still_learn(tmp_path):
    run(tmp_path, 4, clip=0.1, autocast=True)
    assert all(math.isfinite(line["loss"]) for line in lines(tmp_path))
