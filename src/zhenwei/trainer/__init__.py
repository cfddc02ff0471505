"""Training of networks: the one optimizer loop, its checkpoints, schedules and workers. Needs the train extra."""
