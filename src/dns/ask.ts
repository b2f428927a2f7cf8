import { cryptoLater } from "#process/memory";
import { encodeQuestion, type Question, type Reply } from "./packet.ts";
import type { DnsServer } from "./servers.ts";
import { askTcp, askUdp, hasFailed, type TryResult } from "./transport.ts";

/** How long each round waits for each server, in milliseconds: three rounds. A mail server can wait; a dead server must not hold it long. */
export const roundTimeoutsMs: readonly number[] = [1_000, 3_000, 5_000];

const formatError = 1;
const noSuchName = 3;
const notImplemented = 4;

/** An answer that settles the question: it exists, or it does not. Everything else is a server's trouble, so another is asked. */
function settles(reply: Reply): boolean {
  return reply.rcode === 0 || reply.rcode === noSuchName;
}

async function tryOnce(server: DnsServer, question: Question, timeoutMs: number, edns: boolean): Promise<TryResult> {
  const id = cryptoLater().randomInt(0x10000);
  const attempt = { server, id, question, packet: encodeQuestion(id, question, edns), timeoutMs };
  const reply = await askUdp(attempt);
  if (hasFailed(reply)) return reply;
  if (edns && (reply.rcode === formatError || reply.rcode === notImplemented))
    return tryOnce(server, question, timeoutMs, false);
  if (!reply.truncated) return reply;
  const whole = await askTcp(attempt);
  // A TCP answer that is still cut would make us go round in circles; it is none.
  return !hasFailed(whole) && whole.truncated ? { failed: "TCP: truncated answer" } : whole;
}

/**
 * Asks the servers in turn, round after round with growing patience, until one settles the question. The failure names what
 * the last one said.
 */
export async function ask(
  servers: readonly DnsServer[],
  question: Question,
  timeoutsMs: readonly number[] = roundTimeoutsMs,
): Promise<TryResult> {
  let trouble = "no DNS server";
  for (const timeoutMs of timeoutsMs) {
    for (const server of servers) {
      const reply = await tryOnce(server, question, timeoutMs, true);
      if (!hasFailed(reply) && settles(reply)) return reply;
      trouble = `${server.address}: ${hasFailed(reply) ? reply.failed : `rcode ${reply.rcode}`}`;
    }
  }
  return { failed: trouble };
}
