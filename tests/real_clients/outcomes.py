"""What each client does when its key dies: the table of the documentation, and what the tests expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CLIENTS", "KnownClient"]

Outcome = Literal["deaf", "at once", "reconnects", "ends"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClient:
    """One program of ``docs/clients``.

    Attributes:
        program: Its file.
        needs: The package that it uses, with the version that was measured ...
        product: ... and for what, where it has several.
        dialects: What the exchange speaks; nothing for what it usually does.
        keepalive: Minutes between two keepalives, by the client's own timer; ``None`` where there are none.
        announced: What becomes of it when its key expires and the stream says so ...
        silent: ... and when its key is closed by somebody else, and nothing says so. ``"deaf"``: the socket stays open
            and silent. ``"reconnects"``: with another key, at its next keepalive; or ``"at once"``. ``"ends"``: an
            exception ends the program, at its next keepalive.
        slow: Seconds that it takes besides, in waits that are too short to be hurried.
        closes: Whether it closes its key at the end.
        mark: What is in what it prints of this event.
        environment: How its clock is hurried, besides.
    """

    program: str
    needs: str
    product: str = ""
    dialects: tuple[str, ...] = ()
    keepalive: float | None
    announced: Outcome
    silent: Outcome
    slow: float = 0.0
    closes: bool = False
    mark: str = "n-1"
    environment: tuple[str, ...] = ()

    @property
    def is_for_node(self) -> bool:
        """Whether it is JavaScript."""
        return self.program.endswith(".mjs")


_SDK_AT = "binance-sdk-derivatives-trading-"

CLIENTS: tuple[KnownClient, ...] = (
    KnownClient(
        program="python_binance_usdm.py",
        needs="python-binance==1.0.37",
        product="USD-M",
        keepalive=5,
        announced="reconnects",
        silent="reconnects",
        slow=30.0,
    ),
    KnownClient(
        program="python_binance_coinm.py",
        needs="python-binance==1.0.37",
        product="COIN-M",
        dialects=("spot", "coinm"),
        keepalive=5,
        announced="reconnects",
        silent="reconnects",
        slow=30.0,
    ),
    KnownClient(
        program="python_binance_spot.py",
        needs="python-binance==1.0.37",
        product="spot",
        keepalive=None,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="python_binance_isolated_margin.py",
        needs="python-binance==1.0.37",
        product="isolated margin",
        dialects=("spot", "margin"),
        keepalive=None,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="sdk_usdm.py",
        needs=f"{_SDK_AT}usds-futures==18.1.0",
        keepalive=30,
        announced="ends",
        silent="ends",
        closes=True,
    ),
    KnownClient(
        program="sdk_coinm.py",
        needs=f"{_SDK_AT}coin-futures==14.1.0",
        dialects=("coinm",),
        keepalive=30,
        announced="ends",
        silent="ends",
        closes=True,
    ),
    KnownClient(
        program="sdk_options.py",
        needs=f"{_SDK_AT}options==8.7.0",
        dialects=("options",),
        keepalive=30,
        announced="ends",
        silent="ends",
        closes=True,
    ),
    KnownClient(
        program="sdk_portfolio_margin.py",
        needs=f"{_SDK_AT}portfolio-margin==16.1.0",
        dialects=("portfolio-margin",),
        keepalive=30,
        announced="ends",
        silent="ends",
        closes=True,
    ),
    KnownClient(
        program="sdk_margin_risk.py",
        needs="binance-sdk-margin-trading==8.9.0",
        product="risk stream",
        dialects=("margin-risk",),
        keepalive=30,
        announced="ends",
        silent="ends",
        closes=True,
        mark="USDT",
    ),
    KnownClient(
        program="sdk_stocks.py",
        needs="binance-sdk-stocks==1.6.0",
        dialects=("stocks",),
        keepalive=30,
        announced="deaf",
        silent="deaf",
        mark="00000000-0000-4000-8000-000000000001",
    ),
    KnownClient(
        program="sdk_spot.py",
        needs="binance-sdk-spot==13.3.0",
        keepalive=None,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="futures_connector.py",
        needs="binance-futures-connector==4.2.0",
        product="USD-M",
        keepalive=30,
        announced="ends",
        silent="ends",
        closes=True,
    ),
    KnownClient(
        program="ubwa_usdm.py",
        needs="unicorn-binance-websocket-api==2.16.1",
        product="USD-M",
        keepalive=15,
        announced="deaf",
        silent="deaf",
        closes=True,
        environment=("HURRIED_CLOCK",),
    ),
    KnownClient(
        program="trio_binance_usdm.py",
        needs="trio-binance==0.5.3",
        product="USD-M",
        keepalive=59,
        announced="deaf",
        silent="deaf",
        environment=("HURRIED_TRIO",),
    ),
    KnownClient(
        program="ccxt_usdm.py",
        needs="ccxt==4.5.90",
        product="binanceusdm",
        keepalive=20,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="ccxt_coinm.py",
        needs="ccxt==4.5.90",
        product="binancecoinm",
        dialects=("coinm",),
        keepalive=20,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="ccxt_spot.py",
        needs="ccxt==4.5.90",
        product="binance",
        keepalive=None,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="ccxt_toobit.py",
        needs="ccxt==4.5.90",
        product="toobit",
        dialects=("toobit",),
        keepalive=20,
        announced="deaf",
        silent="deaf",
        mark="executionReport",
    ),
    KnownClient(
        program="ccxt_hashkey.py",
        needs="ccxt==4.5.90",
        product="hashkey",
        dialects=("hashkey",),
        keepalive=60,
        announced="ends",
        silent="ends",
        mark="executionReport",
    ),
    KnownClient(
        program="ccxt_bingx.py",
        needs="ccxt==4.5.90",
        product="bingx",
        dialects=("bingx",),
        keepalive=60,
        announced="ends",
        silent="ends",
    ),
    KnownClient(
        program="npm_binance_usdm.mjs",
        needs="binance@3.6.5",
        product="USD-M",
        keepalive=50,
        announced="at once",
        silent="reconnects",
    ),
    KnownClient(
        program="npm_binance_coinm.mjs",
        needs="binance@3.6.5",
        product="COIN-M",
        dialects=("usdm", "coinm"),
        keepalive=50,
        announced="reconnects",
        silent="reconnects",
    ),
    KnownClient(
        program="npm_binance_spot.mjs",
        needs="binance@3.6.5",
        product="spot",
        keepalive=None,
        announced="deaf",
        silent="deaf",
    ),
    KnownClient(
        program="npm_ccxt_usdm.mjs",
        needs="ccxt@4.5.84",
        product="binanceusdm",
        keepalive=20,
        announced="ends",
        silent="ends",
    ),
)
