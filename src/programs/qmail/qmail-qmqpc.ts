import { findHome } from "#control";
import { readPair } from "#inject";
import type { Program } from "#process";
import { askQmqpServers, readQmqpServers } from "#qmtp";

/** Exit codes of its own (spec 2.17). */
const exit = { controls: 55, format: 91 } as const;

/** qmail-qmqpc: qmail-queue's interface, another machine's queue (control/qmqpservers). Prints nothing. */
export const main: Program = async (call) => {
  const servers = readQmqpServers(findHome(call.env));
  if (servers === null) return exit.controls;
  // How long an address may be is the server's business.
  const pair = await readPair(call, exit.format, Number.POSITIVE_INFINITY);
  if (typeof pair === "number") return pair;
  await using message = pair.message;
  const { sender, recipients } = pair.envelope;
  return (await askQmqpServers(servers, { message, sender, recipients })).exitCode;
};
