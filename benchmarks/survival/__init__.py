"""The survival table: this library and its peers in the same misfortunes, and what their users got to see.

A *scenario* says what goes wrong (:mod:`.scenarios`). A *player* is one library in a process of its own, which writes
down every event that its user is given (:mod:`.players`). The *stage* has the exchange, lets account events trickle,
and does to both what the scenario says (:mod:`.stage`). The *judge* compares what was emitted with what arrived, and
knows what this library has promised (:mod:`.judge`).
"""
