import { isIP } from "node:net";
import { type ByteString, fromBytes, netstring, toBytes } from "#bytes";
import type { HeldBytes } from "#files";
import { queueExitOutcome } from "#mail";
import { connectTcp, LineWire, WireError } from "#net";
import type { DoorAnswer } from "./posting.ts";

/** QMQP's port. */
const qmqpPort = 628;
/** qmail-qmqpc's patience: 10 s for a connection, 60 s for any read or write. */
const connectTimeoutMs = 10_000;
const ioTimeoutMs = 60_000;
/** No reply is longer. */
const maxReplyBytes = 4096;

/** Where a QMQP server listens. */
export type QmqpServer = { readonly host: string; readonly port: number };

/**
 * An entry of control/qmqpservers: an IP address, and (ours) a port behind a colon: `192.0.2.1`, `192.0.2.1:6280`,
 * `[2001:db8::1]:628`. Null for anything else, which qmail-qmqpc passes over.
 */
export function parseQmqpServer(entry: ByteString): QmqpServer | null {
  if (isIP(entry) !== 0) return { host: entry, port: qmqpPort };
  const [, host = "", port = ""] = /^\[?([0-9A-Fa-f.:]+?)\]?(?::([0-9]{1,5}))?$/.exec(entry) ?? [];
  if (isIP(host) === 0 || (isIP(host) === 6) !== entry.startsWith("[")) return null;
  return { host, port: port === "" ? qmqpPort : Math.min(Number(port), 65_535) };
}

/** A message and its envelope as texts; a server decides what it takes. */
export type QmqpPackage = {
  readonly message: HeldBytes;
  readonly sender: ByteString;
  readonly recipients: readonly ByteString[];
};

/** What came of it: the exit code of qmail-qmqpc (spec 2.17), and the outcome in the server's words where it spoke. */
export type QmqpResult = { readonly exitCode: number; readonly answer: DoorAnswer };

const resultOf = (exitCode: number): QmqpResult => ({
  exitCode,
  answer: { ...queueExitOutcome(exitCode), queueId: null },
});

/** Asks the servers in order until one can be reached; that one decides. */
export async function askQmqpServers(servers: readonly ByteString[], what: QmqpPackage): Promise<QmqpResult> {
  let result = resultOf(55);
  for (const server of servers.map(parseQmqpServer)) {
    if (server === null) continue;
    const socket = await connectTcp(server, connectTimeoutMs);
    if ("kind" in socket) result = resultOf(socket.kind === "timeout" ? 72 : 73);
    else return converse(new LineWire(socket, ioTimeoutMs), what);
  }
  return result;
}

async function converse(wire: LineWire, what: QmqpPackage): Promise<QmqpResult> {
  try {
    await send(wire, what);
    return resultOfReply(await readReply(wire));
  } catch (error) {
    if (error instanceof WireError) return resultOf(74);
    throw error;
  } finally {
    wire.socket.destroy();
  }
}

async function send(wire: LineWire, { message, sender, recipients }: QmqpPackage): Promise<void> {
  const before = toBytes(`${message.sizeBytes}:`);
  const after = Buffer.concat([
    toBytes(","),
    netstring(sender),
    ...recipients.map((recipient) => netstring(recipient)),
  ]);
  wire.write(toBytes(`${before.length + message.sizeBytes + after.length}:`));
  wire.write(before);
  for await (const bytes of message.read()) {
    wire.write(bytes);
    await wire.flush();
  }
  wire.write(after);
  wire.write(toBytes(","));
  await wire.flush();
}

/** The reply up to its comma, or to the end of what the server says. */
async function readReply(wire: LineWire): Promise<ByteString> {
  let reply = "";
  for (let bytes = await wire.readSome(); bytes !== null; bytes = await wire.readSome()) {
    reply += fromBytes(bytes);
    const [, length] = /^([0-9]{1,4}):/.exec(reply) ?? [];
    const isWhole = length !== undefined && reply.length > length.length + 1 + Number(length);
    if (isWhole || reply.length > maxReplyBytes) break;
  }
  return reply;
}

const replyLetter = /^[^KZD]*([KZD])([^,]*(?:,(?!$)[^,]*)*)/;

/** As qmail-qmqpc, the first of the letters K, Z, D decides, whatever stands before it; without one the server was lost. */
function resultOfReply(reply: ByteString): QmqpResult {
  const [, letter, text = ""] = replyLetter.exec(reply) ?? [];
  if (letter === undefined) return resultOf(74);
  if (letter === "K") return resultOf(0);
  const fate = letter === "Z" ? "temporary" : "permanent";
  return { exitCode: letter === "Z" ? 71 : 31, answer: { fate, text, queueId: null } };
}
