// npm's ccxt.pro, at USD-M futures.
import ccxt from "ccxt";

const REST = process.env.EXCHANGE_REST ?? "http://127.0.0.1:8180";
const WS = process.env.EXCHANGE_WS ?? "ws://127.0.0.1:8180";

// [settings]
const exchange = new ccxt.pro.binanceusdm({ apiKey: "test-api-key", secret: "any-secret" });
exchange.options.fetchCurrencies = false; // it would ask the wallet
await exchange.loadHttpProxyAgent(); // without it, ws:// is taken for a mistake
exchange.urls.api.fapiPublic = exchange.urls.api.fapiPrivate = `${REST}/fapi/v1`;
exchange.urls.api.fapiPrivateV2 = `${REST}/fapi/v2`;
exchange.urls.api.fapiPrivateV3 = `${REST}/fapi/v3`;
exchange.urls.api.ws.future = `${WS}/ws`;
// [end]

process.on("SIGINT", async () => {
  await exchange.close();
  process.exit();
});
for (;;) {
  for (const order of await exchange.watchOrders()) {
    console.log(JSON.stringify(order.info));
  }
}
