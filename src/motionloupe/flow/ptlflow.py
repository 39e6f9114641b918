"""The models of ptlflow (Morimitsu 2021), an extra: GMFlow, PWC-Net, SEA-RAFT and many more."""

from typing import Any

import torch
from torch import Tensor

from motionloupe.errors import UserError, first_line
from motionloupe.flow.base import FlowEstimator, freeze


class PtlFlow(FlowEstimator):
    """One of ptlflow's models by its name there, with the weights trained on ``checkpoint``.

    ptlflow downloads the weights on first use. ``iterations`` are the model's own where None.
    Raises UserError where the package, the model or the weights cannot be had.
    """

    def __init__(
        self,
        *,
        model: str = "",
        checkpoint: str = "things",
        iterations: int | None = None,
        zero_correct: bool = False,
    ) -> None:
        super().__init__(1 if iterations is None else iterations, zero_correct)
        network = _loaded(model, checkpoint)
        if iterations is not None:
            if not hasattr(network, "iters"):
                raise UserError(f"ptlflow's {model} takes no iterations; leave them away")
            network.iters = iterations
        self.network = freeze(network)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        blue_first = torch.stack([a, b], dim=1).flip(dims=(2,))  # the models take BGR in [0, 1]
        answer = self.network({"images": blue_first})
        flow: Tensor = answer["flows"][:, 0]
        if flow.shape[-2:] != a.shape[-2:]:
            raise UserError(
                f"{type(self.network).__name__} answers with a flow of {flow.shape[-1]} x "
                f"{flow.shape[-2]} for {a.shape[-1]} x {a.shape[-2]}; choose another model"
            )
        return flow


def _loaded(model: str, checkpoint: str) -> Any:
    try:
        import ptlflow
    except ImportError:
        raise UserError(
            "this estimator needs the package ptlflow: pip install motionloupe[ptlflow]"
        ) from None
    if not model:
        raise UserError("name a model of ptlflow after a colon, such as ptlflow:sea_raft_s")
    try:
        return ptlflow.get_model(model, ckpt_path=checkpoint)
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        raise UserError(
            f"ptlflow's {model} with the weights {checkpoint!r} cannot be had ({first_line(error)})"
        ) from None
