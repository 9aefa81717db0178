"""Asking whether a key is alive before the next keepalive would."""

from math import inf

from life import GONE, NO_ANSWER, OK, REFUSED, Life, alive, banned, held


class TestConfirmed:
    def test_nothing_is_confirmed_at_first(self) -> None:
        """Before the first key there is nothing to confirm."""
        life = Life()
        life.sends(0.0, "create", None)
        assert life.machine.confirmed_at == -inf

    def test_a_success_confirms_the_moment_it_was_sent(self) -> None:
        """Not the moment of the answer: the key may have died in between (K2)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(OK, 1809.0)
        assert life.machine.confirmed_at == 1800

    def test_a_failure_confirms_nothing(self) -> None:
        """Whatever it was, it leaves what was known."""
        for outcome in (NO_ANSWER, banned(5), GONE, REFUSED):
            life = held()
            life.sends(1800.0, "keepalive", "K1")
            life.gets(outcome, 1801.0)
            assert life.machine.confirmed_at == 0


class TestAsk:
    def test_a_keepalive_is_due_at_once(self) -> None:
        """It is asked now, and then the usual pause begins anew."""
        life = held()
        life.machine.ask(100.0)
        life.sends(100.0, "keepalive", "K1")
        life.gets(OK, 100.5)
        assert life.machine.confirmed_at == 100
        assert life.machine.next_request_at == 1900

    def test_asking_puts_nothing_off(self) -> None:
        """A keepalive that is overdue does not come later for it."""
        life = held()
        life.machine.ask(2000.0)
        assert life.machine.next_request_at == 1800

    def test_a_request_in_flight_is_no_answer(self) -> None:
        """What was sent before the doubt says nothing of it: one more request follows, and one only (K1)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.machine.ask(1800.5)
        life.machine.ask(1801.0)
        assert life.state == "RENEWING"
        life.gets(OK, 1802.0)
        assert life.machine.next_request_at == 1801
        life.sends(1802.0, "keepalive", "K1")
        life.gets(OK, 1802.5)
        assert life.machine.next_request_at == 3602

    def test_a_create_in_flight_is_no_answer_either(self) -> None:
        """The key that it brings is asked about at once."""
        life = Life()
        life.sends(0.0, "create", None)
        life.machine.ask(1.0)
        life.gets(alive("K1"), 2.0)
        life.sends(2.0, "keepalive", "K1")

    def test_a_request_of_the_same_moment_is_the_answer(self) -> None:
        """Sent when the doubt arose is late enough."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.machine.ask(1800.0)
        life.gets(OK, 1801.0)
        assert life.machine.next_request_at == 3600

    def test_backoff_is_not_hurried(self) -> None:
        """A request that is tried again already comes when it was to come (K3)."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(NO_ANSWER, 1800.0, draw=0.999)
        due = life.machine.next_request_at
        life.machine.ask(1800.1)
        assert life.machine.next_request_at == due > 1800.9
        life.sends(due, "keepalive", "K1")
        life.gets(OK, due)
        assert life.machine.next_request_at == due + 1800

    def test_a_ban_is_kept_to(self) -> None:
        """Nothing is sent to a host that wants silence, whoever asks; then it is asked once (K3)."""
        life = held()
        life.account.host.block(500.0)
        life.machine.ask(100.0)
        assert life.next_request(499.9) is None
        life.sends(500.0, "keepalive", "K1")

    def test_a_ban_on_this_very_key_is_kept_to(self) -> None:
        """The same where the refusal was our own."""
        life = held()
        life.sends(1800.0, "keepalive", "K1")
        life.gets(banned(60), 1800.0)
        life.machine.ask(1801.0)
        assert life.next_request(1859.9) is None
        life.sends(1860.0, "keepalive", "K1")

    def test_a_dead_key_is_found_and_replaced(self) -> None:
        """That is what asking is for."""
        life = held()
        life.machine.ask(100.0)
        life.sends(100.0, "keepalive", "K1")
        life.gets(GONE, 100.2)
        life.sends(100.2, "create", "K1")
        life.gets(alive("K2"), 100.4)
        assert life.kinds == ["created", "lost", "replaced"]
        assert life.machine.confirmed_at == 100.2

    def test_who_is_leaving_is_not_asked(self) -> None:
        """Once the block is over a doubt changes nothing."""
        life = held()
        life.stops(100.0)
        life.machine.ask(100.0)
        life.sends(100.0, "close", "K1")
        life.gets(OK, 100.1)
        life.leaves()
