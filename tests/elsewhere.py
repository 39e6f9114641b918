"""A device that is not this processor, for machines without one.

Within :func:`elsewhere`, tensors can be put on the device ``AWAY``. They are computed here, but as
on a GPU tensors of both places in one operation are an error, and so is NumPy of what is away.
"""

from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

AWAY = "lazy"  # of the devices that torch can name without a driver, one that it asks nothing of


class _There(torch.Tensor):
    """A tensor that says it is away; ``held`` has its values."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "_There":
        there = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(AWAY, 0),
        )
        there.held = held
        return there

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


class _Elsewhere(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


class _NoGradients:
    """Instead of inference mode, which such tensors cannot bear."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def __enter__(self) -> None:
        self._before = torch.is_grad_enabled()
        torch._C._set_grad_enabled(self._before and not self._wanted)

    def __exit__(self, *_: object) -> None:
        torch._C._set_grad_enabled(self._before)


@contextmanager
def elsewhere():
    """While it lasts, the device ``AWAY`` exists. It knows no autocast."""
    autocast, enabled = torch.autocast, torch.is_autocast_enabled

    def casting(device: str, *given: Any, **named: Any) -> torch.autocast:
        away = device == AWAY
        return autocast("cpu", enabled=False) if away else autocast(device, *given, **named)

    def casts(device: str) -> bool:
        return device != AWAY and enabled(device)

    lifted = torch._C._only_lift_cpu_tensors()
    with (
        patch("torch.autocast", casting),
        patch("torch.is_autocast_enabled", casts),
        patch("torch._C._InferenceMode", _NoGradients),
        _Elsewhere(),
    ):
        torch._C._set_only_lift_cpu_tensors(True)  # else torch.tensor wants a driver for AWAY
        try:
            yield
        finally:
            torch._C._set_only_lift_cpu_tensors(lifted)


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    there = [each for each in tensors if isinstance(each, _There)]
    here = [each for each in tensors if not isinstance(each, _There)]
    asked = kwargs.get("device")
    away = bool(there) if asked is None else torch.device(asked).type == AWAY
    copied = function is torch.ops.aten.copy_.default
    if there and asked is None and not copied and any(each.dim() for each in here):
        raise RuntimeError(f"{function} of tensors on two devices")
    kept = {name: value for name, value in kwargs.items() if name != "pin_memory"}
    if asked is not None:
        kept["device"] = torch.device("cpu")
    given, named = tree_map(lambda each: getattr(each, "held", each), (args, kept))
    if function is torch.ops.aten._conj.default:  # a mark on a tensor, which nobody heeds in here
        function = torch.conj_physical
    answer = function(*given, **named)
    if copied:
        return args[0]
    known = {id(each.held): each for each in there}  # operations in place give back what they took
    if not away:
        return answer

    def wrapped(each: Any) -> Any:
        if not isinstance(each, torch.Tensor):
            return each
        return known[id(each)] if id(each) in known else _There(each)

    return tree_map(wrapped, answer)
