"""The players: each library as its documentation shows it, unmodified but for base URLs and shortened intervals.

A player calls its library again after an exception, which is what the examples of the libraries do; it does not look
at logs, and it never builds anew what its library calls dead.
"""
