"""An example of a plug-in for zhenwei: one detector with a model of its own."""
