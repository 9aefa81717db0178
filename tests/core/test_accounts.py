"""Who shares a host's patience, and who an account's key."""

from math import inf

from trio_listenkey._core._accounts import Account, Host


class TestHost:
    def test_a_new_host_is_clear(self) -> None:
        """Before any ban there is nothing to wait for."""
        assert Host().allowed_at == float("-inf")

    def test_a_longer_ban_stays_in_force(self) -> None:
        """A later word of a shorter wait does not end a ban."""
        host = Host()
        host.block(100.0)
        host.block(50.0)
        assert host.allowed_at == 100.0
        host.block(101.0)
        assert host.allowed_at == 101.0

    def test_a_ban_holds_for_hosts_that_share_their_limits(self) -> None:
        """Whichever of the two was told; a third host is left alone, and a longer ban of one stays in force."""
        one, other, third = Host(), Host(), Host()
        one.share_limits_with(other)
        one.share_limits_with(other)
        other.block(20.0)
        assert [each.allowed_at for each in (one, other, third)] == [20, 20, -inf]
        one.block(10.0)
        assert [each.allowed_at for each in (one, other)] == [20, 20]
        one.block(30.0)
        assert [each.allowed_at for each in (one, other, third)] == [30, 30, -inf]

    def test_one_api_key_is_one_account(self) -> None:
        """Contexts with the same API key meet in the same account."""
        host = Host()
        assert host.register("/path", "A") is host.register("/path", "A")
        assert host.register("/path", "A") is not host.register("/path", "B")

    def test_another_path_is_another_account(self) -> None:
        """One host may serve several dialects, and in each of them an API key has a key of its own."""
        host = Host()
        assert host.register("/fapi/v1/listenKey", "A") is not host.register("/dapi/v1/listenKey", "A")

    def test_hosts_share_nothing(self) -> None:
        """The same API key at another host is another account, and a ban there is no ban here."""
        one, other = Host(), Host()
        assert one.register("/path", "A") is not other.register("/path", "A")
        one.block(100.0)
        assert other.allowed_at == float("-inf")

    def test_accounts_without_holders_are_forgotten(self) -> None:
        """The last to leave an account leaves nothing behind, not even the API key."""
        host = Host()
        first, second = host.register("/path", "A"), host.register("/path", "A")
        first.learn("K")
        first.release()
        assert host.accounts == {("/path", "A"): second}
        second.release()
        assert host.accounts == {}
        assert host.accounts_by_key == {}
        assert host.register("/path", "A") is not first


class TestAccount:
    def test_a_sole_holder_shares_with_nobody(self) -> None:
        """Alone, with or without a key, one may close."""
        account = Host().register("/path", "A")
        assert not account.is_shared()
        account.learn("K")
        assert not account.is_shared()

    def test_two_holders_share(self) -> None:
        """A second context shares the key from before its first create until it has left."""
        host = Host()
        account = host.register("/path", "A")
        account.learn("K")
        host.register("/path", "A")
        assert account.is_shared()
        account.release()
        assert not account.is_shared()
        assert account.key == "K"

    def test_two_api_keys_with_one_listen_key_share(self) -> None:
        """Two API keys may belong to one account of the exchange: the listen key gives them away (L5)."""
        host = Host()
        one, other = host.register("/path", "A"), host.register("/path", "B")
        one.learn("K")
        other.learn("K")
        assert one.is_shared()
        assert other.is_shared()
        other.release()
        assert not one.is_shared()
        assert one.key == "K"

    def test_two_api_keys_with_two_listen_keys_do_not(self) -> None:
        """Different accounts of the exchange have different keys, and nothing to do with each other."""
        host = Host()
        one, other = host.register("/path", "A"), host.register("/path", "B")
        one.learn("K1")
        other.learn("K2")
        assert not one.is_shared()
        assert not other.is_shared()

    def test_without_keys_two_api_keys_are_strangers(self) -> None:
        """Having no key is nothing to have in common."""
        host = Host()
        one, other = host.register("/path", "A"), host.register("/path", "B")
        assert not one.is_shared()
        assert not other.is_shared()

    def test_the_same_key_at_two_hosts_is_two_keys(self) -> None:
        """Keys are compared within a host only."""
        one, other = Host().register("/path", "A"), Host().register("/path", "A")
        one.learn("K")
        other.learn("K")
        assert not one.is_shared()

    def test_the_same_key_at_two_paths_is_two_keys(self) -> None:
        """Keys are compared within a dialect only."""
        host = Host()
        one, other = host.register("/fapi/v1/listenKey", "A"), host.register("/dapi/v1/listenKey", "A")
        one.learn("K")
        other.learn("K")
        assert not one.is_shared()
        other.release()
        assert one.key == "K"

    def test_a_new_key_takes_the_place_of_the_old(self) -> None:
        """One account has one key: learning another ends the part in the first."""
        host = Host()
        one, other = host.register("/path", "A"), host.register("/path", "B")
        one.learn("K1")
        other.learn("K1")
        one.learn("K2")
        assert one.key == "K2"
        assert not one.is_shared()
        assert not other.is_shared()
        assert host.accounts_by_key == {("/path", "K1"): (other,), ("/path", "K2"): (one,)}

    def test_learning_twice_is_learning_once(self) -> None:
        """Each keepalive confirms the same key."""
        host = Host()
        account = host.register("/path", "A")
        account.learn("K")
        account.learn("K")
        assert host.accounts_by_key == {("/path", "K"): (account,)}
        account.forget("K")
        assert host.accounts_by_key == {}

    def test_a_dead_key_is_forgotten(self) -> None:
        """The exchange's word that the key is dead leaves nothing to close."""
        account = Host().register("/path", "A")
        account.learn("K")
        account.forget("K")
        assert account.key is None

    def test_news_of_an_older_key_changes_nothing(self) -> None:
        """That an older key is dead says nothing of the newer one."""
        account = Host().register("/path", "A")
        account.learn("K2")
        account.forget("K1")
        account.forget(None)
        assert account.key == "K2"

    def test_its_repr_tells_nothing(self) -> None:
        """Neither the API key nor the listen key is in the ``repr`` (T1)."""
        account = Host().register("/path", "api-key")
        account.learn("listen-key")
        assert "-key" not in repr(account)
        assert isinstance(account, Account)
