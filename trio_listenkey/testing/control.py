"""Control an exchange from outside of its process, and faults as JSON.

The names that who tests in Python from within does not need; ``trio-listenkey exchange`` is made of them.
"""

from __future__ import annotations

from ._control._control import Control
from ._control._fault_json import fault_from_json, fault_to_json, faults_from_json
from ._control._serve_control import ServedControl, serve_control

__all__ = ["Control", "ServedControl", "fault_from_json", "fault_to_json", "faults_from_json", "serve_control"]

# Tracebacks, pickles and the documentation name things by where users find them, not by the file they are in.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
