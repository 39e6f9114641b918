"""Weights are found in order, read safely, and missed in one clear line."""

import time

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.optical_flow import raft_small

from motionloupe.errors import UserError
from motionloupe.flow import checkpoints, default_flow, load_flow
from motionloupe.flow.raft import SMALL


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without weights and without a network."""
    monkeypatch.delenv(checkpoints.FOLDER, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))

    def refuse(*_, **__):
        raise OSError("network is unreachable")

    monkeypatch.setattr(checkpoints, "urlopen", refuse)
    return tmp_path


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return {
        name: value.contiguous() for name, value in raft_small(weights=None).state_dict().items()
    }


def loaded_bias(estimator):
    return estimator.network.state_dict()["context_encoder.conv.bias"]


def test_offline_the_message_names_the_three_ways_out_quickly(bare):
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        load_flow("raft-small")
    assert time.monotonic() - start < 3
    text = str(caught.value)
    assert "\n" not in text
    for way in ("weights=FILE", "MOTIONLOUPE_WEIGHTS", "raft_small.safetensors", "lucas-kanade"):
        assert way in text
    assert not (bare / "hub").exists()


def test_without_weights_the_default_is_what_came_along_and_with_them_raft(
    bare, monkeypatch, state
):
    assert default_flow() == "motion-finder"
    save_file(state, bare / "raft_small.safetensors")
    monkeypatch.setenv(checkpoints.FOLDER, str(bare))
    assert default_flow() == "raft-small"


def test_the_order_is_file_then_folder_then_cache(bare, monkeypatch, state):
    def put(path, value):
        path.parent.mkdir(parents=True, exist_ok=True)
        marked = {**state, "context_encoder.conv.bias": torch.full((160,), value)}
        save_file(marked, path) if path.suffix == ".safetensors" else torch.save(marked, path)
        return path

    put(bare / "hub" / "checkpoints" / SMALL.published_name, 1.0)
    assert loaded_bias(load_flow("raft-small"))[0] == 1
    monkeypatch.setenv(checkpoints.FOLDER, str(bare / "folder"))
    assert loaded_bias(load_flow("raft-small"))[0] == 1  # the folder has none: go on
    put(bare / "folder" / SMALL.published_name, 2.0)
    assert loaded_bias(load_flow("raft-small"))[0] == 2
    put(bare / "folder" / "raft_small.safetensors", 3.0)
    assert loaded_bias(load_flow("raft-small"))[0] == 3
    given = put(bare / "mine.safetensors", 4.0)
    assert loaded_bias(load_flow("raft-small", weights=given))[0] == 4


def test_a_missing_wrong_or_foreign_file_is_one_clear_line(bare):
    with pytest.raises(UserError, match="no such file"):
        load_flow("raft-small", weights=bare / "nothing.safetensors")
    text = bare / "text.safetensors"
    text.write_text("hello")
    with pytest.raises(UserError, match="expected safetensors"):
        load_flow("raft-small", weights=text)
    other = bare / "other.safetensors"
    save_file({"x": torch.zeros(2)}, other)
    with pytest.raises(UserError, match="does not hold the weights of raft-small"):
        load_flow("raft-small", weights=other)


class Payload:
    """Would run on unpickling."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


def test_a_pickle_with_code_in_it_is_refused_and_not_run(bare):
    bad = bare / "bad.pth"
    torch.save({"x": Payload()}, bad)
    with pytest.raises(UserError, match="can be read") as caught:
        load_flow("raft-small", weights=bad)
    assert "\n" not in str(caught.value)


def test_a_file_that_holds_something_else_is_named(tmp_path):
    path = tmp_path / "raft_small.pth"
    torch.save([1, 2], path)
    with pytest.raises(UserError, match=r"raft_small.pth does not hold the weights of raft-small"):
        load_flow("raft-small", weights=path)
