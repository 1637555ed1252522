"""How the weights move: schedules as pure functions of the step (no PyTorch), and the optimisers."""
