"""Linear maps of frozen models: the numbers of F.linear, whatever computes them, and gradients where they are asked for."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from genir.models import products
from genir.models.products import FrozenLinear, frozen, linear


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 9))
def test_it_agrees_with_the_plain_product(batch: int, inside: int, outside: int, bias: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Linear(inside, outside, bias=bias)
    rows = torch.randn(batch, 3, inside, generator=generator)
    frozen(model)
    with torch.inference_mode():
        torch.testing.assert_close(model(rows), F.linear(rows, model.weight, model.bias), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ["none", "relu", "gelu_new"])
@pytest.mark.parametrize("rows", [1, 2, 33])
def test_the_fast_product_is_the_plain_one(monkeypatch: pytest.MonkeyPatch, activation: str, rows: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    x, weight = torch.randn(rows, 24, generator=generator), torch.randn(40, 24, generator=generator)
    fast = linear(x, weight, activation)
    monkeypatch.setattr(products, "ONEDNN", False)
    torch.testing.assert_close(fast, linear(x, weight, activation), atol=1e-5, rtol=1e-5)
    exact = products.ACTIVATIONS[activation](x.double() @ weight.double().T)
    torch.testing.assert_close(fast.double(), exact, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(not products.ONEDNN, reason="this PyTorch is built without oneDNN")
def test_only_frozen_single_precision_goes_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    plain = F.linear
    monkeypatch.setattr(products.F, "linear", lambda *args: asked.append(args[0].dtype) or plain(*args))
    model = nn.Sequential(nn.Linear(4, 4))
    frozen(model)
    with torch.no_grad():
        model(torch.ones(2, 4))
    assert asked == []
    model(torch.ones(2, 4)).sum().backward()
    assert model[0].weight.grad.shape == (4, 4)
    with torch.no_grad():
        model.double()(torch.ones(2, 4, dtype=torch.float64))
    assert asked == [torch.float32, torch.float64]


def test_layers_that_are_more_than_a_linear_map_are_left_alone() -> None:
    class Adapted(nn.Linear):
        pass

    model = nn.Sequential(nn.Linear(2, 2), Adapted(2, 2), nn.Linear(2, 2))
    names = list(model.state_dict())
    frozen(model)
    assert [type(layer) for layer in model] == [FrozenLinear, Adapted, FrozenLinear]
    assert list(model.state_dict()) == names
