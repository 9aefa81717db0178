// npm's binance, at COIN-M futures.
import { WebsocketClient } from "binance";

const REST = process.env.EXCHANGE_REST ?? "http://127.0.0.1:8180";
const WS = process.env.EXCHANGE_WS ?? "ws://127.0.0.1:8180";

// [settings]
const client = new WebsocketClient({
  api_key: "test-api-key",
  api_secret: "any-secret",
  wsUrl: WS,
  restOptions: { baseUrl: REST },
});
// [end]

client.on("message", (event) => console.log(JSON.stringify(event)));
client.on("exception", (error) => console.error(error));
process.on("SIGINT", () => {
  client.closeAll(true);
  process.exit();
});
await client.subscribeCoinFuturesUserDataStream();
