"""A file of weights says what it holds, comes back as it was, and is never trusted."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file

from motionloupe.cli import main
from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.networks import build
from motionloupe.networks.weights import (
    find_weights,
    load_weights,
    save_weights,
)
from motionloupe.stored import file_of, read_tensors, write_atomically

OPTIONS = {"variant": "paper", "width": 8}


def test_weights_come_back_with_their_card(tmp_path):
    network = build("oh2018", OPTIONS)
    card = {"step": 12, "licence": "Apache-2.0"}
    save_weights(tmp_path / "w.safetensors", "oh2018", OPTIONS, network.state_dict(), card)
    name, loaded, read, _ = load_weights(tmp_path / "w.safetensors")
    assert (name, read) == ("oh2018", card)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    for key, value in network.state_dict().items():
        assert loaded.state_dict()[key].dtype == torch.float32
        torch.testing.assert_close(loaded.state_dict()[key], value, atol=1e-3, rtol=1e-3)


def test_batch_norm_counts_survive_half_precision(tmp_path):
    network = build("flowmag-unet", {"base": 2})
    path = tmp_path / "w.safetensors"
    save_weights(path, "flowmag-unet", {"base": 2}, network.state_dict(), {})
    a, b = torch.rand(2, 1, 3, 20, 20)
    with torch.no_grad():
        assert load_weights(path).network(a, b, torch.ones(1, 1, 1, 1)).shape == b.shape


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    write_atomically(path, {"x": torch.ones(2)}, {})

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="cannot be written: no space"):
        write_atomically(path, {"x": torch.zeros(2)}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]
    assert read_tensors(path)[0]["x"].sum() == 2


def stored(path, network, tensors=None):
    save_file(tensors or {"x": torch.ones(1)}, path, metadata={"network": json.dumps(network)})


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("oh2018", "which network"),
        ({"name": "gan", "options": {}}, "no network"),
        ({"name": "oh2018", "options": {"depth": 3}}, "cannot be built"),
        ({"name": "oh2018", "options": {"width": 8}}, "do not fit"),
        ({"name": "oh2018", "options": {"width": 80_000}}, "do not fit"),
    ],
)
def test_foreign_files_are_refused_with_the_reason(tmp_path, network, message):
    stored(tmp_path / "w.safetensors", network)
    with pytest.raises(UserError, match=message):
        load_weights(tmp_path / "w.safetensors")


def test_missing_and_broken_files_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no weights at"):
        load_weights(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(UserError, match="not a readable safetensors"):
        load_weights(tmp_path / "w.safetensors")
    save_file({"x": torch.ones(1)}, tmp_path / "w.safetensors", metadata={"network": "{"})
    with pytest.raises(UserError, match="metadata"):
        load_weights(tmp_path / "w.safetensors")


def test_without_shipped_weights_the_way_out_is_named():
    with pytest.raises(UserError, match="motionloupe train nothing"):
        find_weights("nothing", None)


def test_a_blend_is_the_mean_by_shares_and_tells_its_parents(tmp_path, capsys):
    paths = [tmp_path / name for name in ("one.safetensors", "two.safetensors")]
    for value, path in zip((1.0, 3.0), paths, strict=True):
        network = build("flowmag-unet", {"base": 2})
        tensors = {
            name: torch.full_like(part, value) if part.is_floating_point() else part
            for name, part in network.state_dict().items()
        }
        save_weights(path, "flowmag-unet", {"base": 2}, tensors, {"step": int(value)})
    words = [*map(str, paths), "--share", "0.75", "-o", str(tmp_path / "mean.safetensors")]
    assert main(["blend", *words]) == 0
    mean = load_weights(tmp_path / "mean.safetensors")
    for part in mean.network.state_dict().values():
        if part.is_floating_point():
            assert part == pytest.approx(2.5)
    assert mean.card["blend"] == [[str(paths[0]), 0.25], [str(paths[1]), 0.75]]
    assert [card["step"] for card in mean.card["of"]] == [1, 3]
    assert main(["blend", *words]) == 2  # it is there already
    capsys.readouterr()


def test_what_came_along_blends_by_its_name(tmp_path, capsys):
    target = tmp_path / "same.safetensors"
    assert main(["blend", "motion-finder", "motion-finder", "-o", str(target)]) == 0
    one, same = load_weights(file_of("motion-finder")), load_weights(target)
    for name, part in one.network.state_dict().items():
        assert torch.equal(part, same.network.state_dict()[name])
    flow = load_flow("motion-finder", weights="motion-finder")
    assert flow(*torch.rand(2, 1, 3, 32, 32)).shape == (1, 2, 32, 32)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("options", "share", "says"),
    [({"base": 3}, "0.5", "differ in their options"), ({"base": 2}, "1.5", "between 0 and 1")],
)
def test_only_like_networks_blend(tmp_path, capsys, options, share, says):
    for name, given in (("one", {"base": 2}), ("two", options)):
        network = build("flowmag-unet", given)
        path = tmp_path / f"{name}.safetensors"
        save_weights(path, "flowmag-unet", given, network.state_dict(), {})
    words = [str(tmp_path / f"{name}.safetensors") for name in ("one", "two")]
    assert main(["blend", *words, "--share", share, "-o", str(tmp_path / "x.safetensors")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "w.safetensors", {"x": torch.ones(2)}, {})
