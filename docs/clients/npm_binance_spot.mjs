// npm's binance, at spot.
import { WebsocketAPIClient } from "binance";

const REST = process.env.EXCHANGE_REST ?? "http://127.0.0.1:8180";
const WS = process.env.EXCHANGE_WS ?? "ws://127.0.0.1:8180";

// [settings]
const client = new WebsocketAPIClient({
  api_key: "test-api-key",
  api_secret: "any-secret",
  wsUrl: WS,
  restOptions: { baseUrl: REST },
});
// [end]

const socket = client.getWSClient();
socket.on("message", (event) => console.log(JSON.stringify(event)));
socket.on("exception", (error) => console.error(error));
process.on("SIGINT", () => {
  socket.closeAll(true);
  process.exit();
});
await client.subscribeUserDataStream("mainWSAPI");
