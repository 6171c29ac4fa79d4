"""As fit_by_name.py, then the fitted dynamics alone: does a push away from the initial state fade or grow?"""

import torch

import neurodyn as nd

trials = nd.load("two_area", trials=60, units=12)
model = nd.fit("lfads", trials, generator=16, factors=8, train={"epochs": 5}, progress=False).model_

torch.manual_seed(0)
with torch.no_grad():
    state = model.initial_state(2)  # (trial, state): two trials that start alike
    state = state + torch.stack([torch.zeros(16), 0.1 * torch.randn(16)])  # the second is pushed
    no_input = torch.zeros(2, model.config.inferred_inputs)
    for step in range(50):
        if step % 10 == 0:
            (parameters,) = model.decode(state).values()  # (trial, unit, 1): log expected counts per bin
            rates_hz = parameters[..., 0].exp() / trials.bin_s
            apart = (state[1] - state[0]).norm()
            print(
                f"step {step}: {apart:.4f} apart; mean rates {rates_hz[0].mean():.2f} and {rates_hz[1].mean():.2f} Hz"
            )
        state = model.step(state, no_input)
