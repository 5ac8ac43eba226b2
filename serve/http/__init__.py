"""The scorer as a service: `python -m serve.http`.

`application` puts together what the other modules are: the queue in front of the scorer, the
locks on the door, and one adapter for each shape that moderation tools already speak.
"""
