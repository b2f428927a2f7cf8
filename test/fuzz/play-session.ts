/** One SMTP session against the real server code, in memory. */
import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { LineWire } from "#net";
import { Conversation, converse, type House, type SmtpControls } from "#smtp";
import { inPieces } from "./inputs.ts";

const controls: SmtpControls = {
  greeting: "mx.test",
  me: "mx.test",
  localIpHost: "mx.test",
  timeoutMs: 20_000,
  rcptHosts: new Set(["here.test"]),
  openRelay: false,
  badMailFrom: new Set(),
  badRcptTo: new Set(),
  badMailFromPatterns: [],
  badRcptToPatterns: [],
  badHelo: [],
  relayReject: false,
  dataBytes: 0,
  maxRecipients: 1000,
  tarpitCount: 0,
  tarpitDelayMs: 0,
  greetDelayMs: 0,
  checksRecipients: null,
  tlsClients: new Set(),
  tlsOnly: new Set(),
  xclientFrom: null,
  mechanisms: [],
  authClear: "no",
  smtpAuth: false,
};

/** What a session came to. */
export type Session = {
  readonly messages: readonly { readonly from: string; readonly to: readonly string[]; readonly body: string }[];
  readonly said: string;
};

/** A whole session against the real server: what it queued and what it said. Throws if the server met a surprise. */
export async function play(text: string, sizes: readonly number[]): Promise<Session> {
  const messages: { from: string; to: readonly string[]; body: string }[] = [];
  const alerts: string[] = [];
  const house: House = {
    controls,
    login: null,
    role: "smtp",
    post: (envelope) => {
      const pieces: Buffer[] = [];
      return {
        write: (bytes) => void pieces.push(Buffer.from(bytes)),
        finish: async () => {
          const message = Buffer.concat(pieces).toString("latin1");
          messages.push({
            from: envelope.sender,
            to: [...envelope.recipients],
            body: message.slice(message.indexOf("-0000\n") + "-0000\n".length),
          });
          return { fate: "done", text: "", queueId: messages.length };
        },
        abort() {},
      };
    },
    origin: { invoker: "network", uid: 0 },
    checkRecipient: null,
    isOwnAddress: () => false,
    inMoreRcptHosts: async () => false,
    readmit: null,
    tls: null,
    log: (line) => void (line.startsWith("alert") && alerts.push(line)),
    now: () => new Date(0),
    sleep: async () => {},
  };
  const [client, server] = duplexPair();
  let said = "";
  client.on("data", (chunk: Buffer) => {
    said += chunk.toString("latin1");
  });
  client.on("error", () => {}); // The server may close while we talk.
  const wire = new LineWire(server, controls.timeoutMs);
  const over = converse(new Conversation("f-1", wire, house, new Map([["TCPREMOTEIP", "192.0.2.1"]])));
  for (const piece of inPieces(text, sizes)) client.write(piece);
  client.end();
  await over;
  await wire.end();
  await new Promise<void>((done) => setImmediate(done));
  client.destroy();
  server.destroy();
  assert.deepEqual(alerts, []);
  return { messages, said };
}
