"""Active defence: marks, labels and credentials that a file carries, put in, read and verified."""
