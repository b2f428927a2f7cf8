import { type ByteString, lowerAscii } from "#bytes";
import type { Networks } from "#net";
import { fieldBody, type HeaderField } from "../header-fields.ts";

const byQueue = /^ \(qmail [0-9]+ invoked (from network|by alias|for bounce|by uid [0-9]+)\);/;
/** The trace line of our own network servers (#message), which stands right below the queue's. */
const byServer = /^ from [^\n]*\((?:[^()@\n]*@)?([0-9A-Fa-f.:]+)\)\n {2}by ([^ \n]+) with ([A-Z]+);/;
/** More of our own hops than this is a loop. */
const maxHops = 100;

/**
 * Whether a message began its way here: injected on this host, by somebody who logged in, or from a network that is ours. What came
 * from elsewhere and is only passed on must not get a signature of its claimed author, even if that is one of our domains.
 * The trace lines on top are our own work, so the first of somebody else decides.
 */
export function beganHere(fields: readonly HeaderField[], networks: Networks): boolean {
  const trace = fields
    .filter(({ name }) => name === "received")
    .slice(0, maxHops)
    .map(fieldBody);
  let fromNetwork = false;
  for (const line of trace) {
    const queue = byQueue.exec(line);
    if (queue !== null) {
      if (fromNetwork) return false; // Nobody of ours took it from the network: a line is missing.
      fromNetwork = queue[1] === "from network";
      continue;
    }
    return fromNetwork && isTrusted(line, networks);
  }
  return trace.length > 0 && !fromNetwork;
}

function isTrusted(line: ByteString, networks: Networks): boolean {
  const [, ip, , protocol] = byServer.exec(line) ?? [];
  if (ip === undefined || protocol === undefined) return false;
  return /^E?SMTPS?A$/.test(protocol.toUpperCase()) || networks.has(lowerAscii(ip));
}
