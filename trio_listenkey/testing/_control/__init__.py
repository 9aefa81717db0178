"""Control from outside: the commands, and faults as JSON and in one line.

::

    _control        the commands, one request at a time
    _command        one of them as it came
    _serve_control  their server, on a loopback port of its own
    _fault_json     a fault as JSON
    _fault_text     a fault in one line
    _json_values    values of the fault language as JSON, by their type hints
    _vocabulary     the names of ready-made effects and of dialects
    _log_reader     the log by number, and as lines for people
"""
