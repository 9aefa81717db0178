"""Whether what events come by is alive: what a repeated denial leads to; the walks at random cover the rest."""

from trio_listenkey._core._stream_states import TrustState
from trio_listenkey._core._trust import Trust


def trusted() -> Trust:
    trust = Trust(60.0)
    trust.hold(1, "K1", 0.0)
    trust.prove(0.0, 0.0)
    assert trust.holds
    return trust


def test_a_denial_is_asked_about_at_once_and_when_repeated_no_earlier() -> None:
    """An exchange may repeat itself, a hundred times: it is one question."""
    trust = trusted()
    for now in (10.0, 10.1, 10.2):
        trust.deny(now)
        assert (trust.state, trust.ask_at) == (TrustState.DENIED, 10.0)


def test_questions_about_denials_are_a_second_apart() -> None:
    """So that an exchange which goes on saying it does not make a hot loop."""
    trust = trusted()
    trust.deny(10.0)
    trust.asked(10.0, 10.0)
    trust.deny(10.25)
    assert trust.ask_at == 11.0


def test_what_is_said_of_a_key_that_is_lost_already_changes_nothing() -> None:
    """There is nothing to ask about until the next key is there."""
    trust = trusted()
    trust.lose()
    trust.deny(10.0)
    assert trust.state is TrustState.NONE


def test_a_question_that_cannot_be_answered_puts_no_doubt_off() -> None:
    """It was asked before silence was due, and met a ban: when it is due there is nothing to wait for (S8)."""
    trust = Trust(60.0)
    trust.hold(1, "K1", 0.0)
    trust.asked(59.0, 59.0)
    trust.cannot_ask()
    assert trust.holds
    trust.tick(0.0, 60.0)
    assert trust.state is TrustState.DOUBTED
