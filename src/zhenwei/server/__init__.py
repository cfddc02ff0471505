"""The service: REST and pages on top of the engine and the store. Nothing here is loaded by a scan.

``settings`` says what can be chosen, ``app`` puts everything together, ``service`` is what REST and pages both call,
``runner`` takes queued jobs to worker processes, ``auth`` says who somebody is and what they may.
"""
