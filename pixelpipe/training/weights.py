"""What is trained: fp32 masters of a module's trainable parameters, and the precision that the module computes in.

In fp32 a master *is* the module's parameter. In bf16 or fp16 the module holds a rounded copy, its gradients are summed
up in fp32, and the optimizer sees the masters only (Micikevicius et al. 2018, section 3.1). Against autocast this saves
the casts of every weight in every step, and the norms' detour through fp32.
"""

from collections.abc import Sequence

import torch

DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def lay_out(module: torch.nn.Module) -> None:
    """In the order that tensor cores convolve; before masters are made, which follow."""
    if next(module.parameters()).is_cuda:
        module.to(memory_format=torch.channels_last)


def cast(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """All of a module's numbers, one tensor at a time; diffusers' own `to` warns where nothing is wrong."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)


def as_trained(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Layout and precision of a module that a trainer holds: one that only samples draws the same pictures."""
    lay_out(module)
    cast(module, dtype)


class TrainedWeights:
    """Masters of the parameters of `module` that require a gradient; casts the module to `dtype`."""

    def __init__(self, module: torch.nn.Module, dtype: torch.dtype) -> None:
        trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        assert trained, "nothing to train"
        self.dtype = dtype
        self.names = list(trained)
        self.shared = dtype == torch.float32
        self.masters = [
            p if self.shared else torch.nn.Parameter(p.detach().to(torch.float32, copy=True)) for p in trained.values()
        ]
        self.parameters = list(trained.values())
        cast(module, dtype)
        self._hidden: list[torch.Tensor] | None = None

    @torch.no_grad()
    def collect_gradients(self) -> None:
        """Add what a backward pass left in the module to the masters' gradients, and clear it there."""
        if self.shared:
            return
        pairs = [(m, p) for m, p in zip(self.masters, self.parameters, strict=True) if p.grad is not None]
        known = [(m, p) for m, p in pairs if m.grad is not None]
        if known:
            torch._foreach_add_([m.grad for m, _ in known], [p.grad for _, p in known])
        for master, parameter in pairs:
            if master.grad is None and parameter.grad is not None:
                master.grad = parameter.grad.to(torch.float32)
            parameter.grad = None

    @torch.no_grad()
    def publish(self) -> None:
        """Round the masters into the module: after an optimizer step, and after `show`."""
        if not self.shared:
            torch._foreach_copy_(self.parameters, self.masters)
        elif self._hidden is not None:
            torch._foreach_copy_(self.masters, self._hidden)
            self._hidden = None

    @torch.no_grad()
    def show(self, values: Sequence[torch.Tensor]) -> None:
        """Let the module compute with other values of its weights until `publish`; training state is not touched."""
        if self.shared:
            assert self._hidden is None, "shown already"
            self._hidden = [master.detach().clone() for master in self.masters]
        torch._foreach_copy_(self.parameters, list(values))

    @torch.no_grad()
    def load(self, values: dict[str, torch.Tensor]) -> None:
        """Set the masters, by name, and the module after them."""
        assert values.keys() == set(self.names), "weights of another module"
        for name, master in zip(self.names, self.masters, strict=True):
            master.copy_(values[name])
        self.publish()

    def named(self, values: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return dict(zip(self.names, (value.detach() for value in values), strict=True))

    def gradients(self) -> list[torch.Tensor]:
        """The masters' gradients; zeros where this process had no part of the batch."""
        for master in self.masters:
            if master.grad is None:
                master.grad = torch.zeros_like(master)
        return [master.grad for master in self.masters if master.grad is not None]
