"""The service: REST and pages over the engine and the store (extra ``server``)."""
