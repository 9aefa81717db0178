"""Nurseries, shields and clocks around the machines of the core. It decides nothing that the core could decide.

::

    _keeper               open_listen_key: the task that owns a key from POST to DELETE
    _listen_key           the handle of a key
    _open_stream          open_user_stream and its block
    _dead_man             dead_man_switch: the task that begins the exchange's countdowns again
    _signed_calls         signed calls that are not about a key
    _socket_pool          the tasks of one stream: one for each socket, one that lets time pass
    _socket_task          one socket of a stream
    _standby              who reads a socket: the consumer that waits, or the socket's own task
    _user_stream          the channel that items come from
    _stream_access        a listen key, or a signed subscription, as a stream sees it
    _protocol_connection  a connection on which the venue's protocol is spoken
    _run_context          what all contexts of one trio.run share
    _shared_hosts         what all runs and threads of the process share: bans, accounts, pace
    _gate                 wait for a place in a host's budget
    _share                one process's share in a key that other processes hold, too
    _turn                 a lock that tasks of several runs take in turn
    _alarm                wait until a time, until told to look again, or until the machine has slept
    _body_scope           how to leave a block that hides a nursery
    _broken_contracts     what to say of a transport or a connector that raises what it must not
    _clock                a clock that goes on while the machine sleeps
"""
