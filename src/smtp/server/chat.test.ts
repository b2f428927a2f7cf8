import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { type Connect, playChat } from "./testing/play-chat.ts";

const folder = new URL("./chats/", import.meta.url);

const inMemory: Connect = async () => {
  const [client, server] = duplexPair();
  return { client, server, close: () => server.destroy() };
};

const overTcp: Connect = async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listener = createServer({ allowHalfOpen: true }, resolve);
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  const client = dial({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const server = await promise;
  return {
    client,
    server,
    close: () => {
      server.destroy();
      listener.close();
    },
  };
};

/** A file's first comment line is what it shows, as a sentence with its spec IDs. */
function sentenceOf(text: string): string {
  return (/^# ?(.*)$/m.exec(text) ?? ["", "a conversation without a name"])[1]!;
}

for (const file of readdirSync(folder)
  .filter((name) => name.endsWith(".chat"))
  .sort()) {
  const text = readFileSync(new URL(file, folder), "utf8");
  test(sentenceOf(text), async (t) => {
    await t.test(`${file} in memory`, () => playChat(text, inMemory));
    await t.test(`${file} over a socket`, () => playChat(text, overTcp));
  });
}
