"""The machines of one key and one stream: what happened and ``now`` go in, what to do and when come out.

Nothing here has a socket, a clock, ``async`` or randomness, and nothing knows an exchange's protocol::

    _tables           what all tables of states have in common
    _key_states       tables: the states of a key and every transition
    _key_lifecycle    what to send for one key, and when
    _key_record       what is known of a key: its value, generation and times
    _key_peers        what other contexts and processes know of a key, and where it waits for them
    _close_rules      which key is closed on the way out, and whether by us
    _retry_policy     which refusals are final, and which are tried again
    _key_errors       the errors that only the lifecycle can word
    _notices          what observers are told, one class a kind
    _outcomes         what became of a request, as values
    _accounts         a host's bans and clock; who holds an account's key
    _budget           what requests to a host may cost, and who goes first
    _sharing          who of several processes keeps a shared key alive, and who may close it
    _sharing_watch    which of the others live: silence, counted in beats
    _sharing_writes   what is known to have been written, and whether the register has forgotten it
    _sharing_confirmation  which key was last confirmed, and how long ago
    _sharing_plan     what such a process wants to write
    _sharing_states   table: the states of such a process, and every transition
    _sharing_record   what they tell each other, by a register
    _stream_states    tables: the states of a stream and every transition
    _stream_sockets   which sockets a stream has in each state, as values
    _stream           what to do with a stream's sockets
    _stream_actions   what a stream wants to have done: open, close, ask
    _stream_report    what a stream has counted and has to tell observers
    _stream_errors    the errors that only a stream can word
    _stream_socket    what one socket has delivered and proven
    _trust            whether the key or subscription is alive as far as anyone knows, and when to ask
    _liveness         whether an event that happens now will be delivered; what is a proof of what
    _delivery         from sockets to the buffer: each event once, and gaps in the places of missing ones
    _announcements    what is said on a socket of the socket or the key, and is no event of the account
    _gap_rules        what was missed between two sockets, and what came on both
    _delivered        what was delivered a short time ago, and may come again on another socket
    _buffer           what was received and not taken yet
    _drain            how long the first of two open sockets is waited for
    _dead_man_states  table: the states of a dead-man switch and every transition
    _dead_man         which countdown to begin again, and when
    _backoff          full jitter
    _connect_pacing   when one stream may open its next socket
    _connect_limiter  how many sockets may be opened at a host, and when
"""
