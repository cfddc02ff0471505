"""The zoo of generative adversarial networks: one loop, small recipes, and the theory they rest on."""
