"""The port for those who want to watch."""

from trio_listenkey import Instrument, KeyLostError


def test_an_instrument_may_ignore_everything() -> None:
    """Each method does nothing by default, so that one overrides only what one needs."""
    watcher, error = Instrument(), KeyLostError("it died", advice="Open a new one")
    watcher.created("v", 1)
    watcher.renewed("v", 1)
    watcher.retrying("v", 1, error, 1.0)
    watcher.lost("v", 1, error)
    watcher.replaced("v", 2)
    watcher.closed("v", 2, None)
    assert not hasattr(watcher, "__dict__")
