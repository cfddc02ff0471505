"""Networks trained to tell forged faces from genuine ones."""
