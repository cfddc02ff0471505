"""One file a step; the names are in the order of the steps."""
