import trio

from trio_listenkey import Credentials, Gap, UserEvent, open_user_stream, venues

LOCAL = venues.BINANCE_USDM.at("http://127.0.0.1:8180", "ws://127.0.0.1:8180")


async def main() -> None:
    async with open_user_stream(LOCAL, Credentials("test-api-key")) as stream:
        async for item in stream:
            match item:
                case Gap():
                    print("Events may be missing:", item.cause)
                case UserEvent(type="ORDER_TRADE_UPDATE"):
                    print(item.type, item.data["o"]["c"])
                case UserEvent():  # balances and positions, margin calls, settings
                    print(item.type)


trio.run(main)
