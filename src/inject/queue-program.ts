import { HeldBytes } from "#files";
import { maxAddressBytes, type Origin, parseAddress, queueExitCode } from "#mail";
import type { ProgramCall } from "#process";
import type { Poster } from "./poster.ts";
import { type QueueEnvelope, readQueueEnvelope } from "./queue-envelope.ts";

/** qmail-queue ends itself after a day; a message that takes longer is cut off by whoever sends it (spec 2.2). */
const deathMs = 86_400_000;

/** Exit codes of qmail-queue itself (spec 2.2); those of the queue come through `queueExitCode`. */
const exit = { tooLong: 11, timeout: 52, write: 53, read: 54, bug: 81, format: 91 } as const;

/** What qmail-queue and qmail-qmqpc have read from their two descriptors. */
export type ReadPair = { readonly message: HeldBytes; readonly envelope: Extract<QueueEnvelope, { kind: "envelope" }> };

/**
 * Reads a message from descriptor 0, then its envelope from descriptor 1, in this order: callers write the second when they
 * have closed the first. A number is the exit code to leave with; the message is then let go. `cut` is the code for an
 * envelope that ends early.
 */
export async function readPair(call: ProgramCall, cut: number, maxAddress: number): Promise<ReadPair | number> {
  const message = new HeldBytes();
  const result = await readBoth(call, message, cut, maxAddress);
  if (typeof result === "number") await message[Symbol.asyncDispose]();
  return typeof result === "number" ? result : { message, envelope: result };
}

async function readBoth(
  call: ProgramCall,
  message: HeldBytes,
  cut: number,
  maxAddress: number,
): Promise<ReadPair["envelope"] | number> {
  const envelopeInput = call.input(1);
  if (envelopeInput === null) return exit.read;
  const { stdin } = call;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    for (const stream of [stdin, envelopeInput]) stream.destroy(new Error("a day has gone by"));
  }, deathMs);
  try {
    const taken = await takeAll(stdin, message);
    if (taken !== null) return taken;
    const envelope = await readQueueEnvelope(envelopeInput, maxAddress);
    if (envelope.kind === "envelope") return envelope;
    return { cut, malformed: exit.format, "too-long": exit.tooLong }[envelope.kind];
  } catch {
    return isLate ? exit.timeout : exit.read;
  } finally {
    clearTimeout(timer);
  }
}

/** Moves a stream into `message`; the exit code if there is no room for it. Throws what the stream throws. */
async function takeAll(input: AsyncIterable<Uint8Array>, message: HeldBytes): Promise<number | null> {
  for await (const bytes of input) {
    try {
      await message.write(bytes);
    } catch {
      return exit.write;
    }
  }
  return null;
}

/** qmail-queue (spec 2.2): descriptor 0 is the message, descriptor 1 its envelope. Resolves with the exit code, says nothing. */
export async function queueProgram(
  call: ProgramCall,
  openPoster: () => Promise<Poster>,
  origin: Origin,
): Promise<number> {
  try {
    const pair = await readPair(call, exit.read, maxAddressBytes);
    return typeof pair === "number" ? pair : await post(pair, await openPoster(), origin);
  } catch {
    return exit.bug; // It never prints; 81 is the code for what it did not foresee.
  }
}

async function post(pair: ReadPair, poster: Poster, origin: Origin): Promise<number> {
  await using message = pair.message;
  const sender = pair.envelope.sender === "" ? "" : parseAddress(pair.envelope.sender);
  const recipients = pair.envelope.recipients.map(parseAddress);
  if (sender === null || recipients.includes(null)) return exit.tooLong;
  const posting = poster.post({ sender, recipients: recipients.filter((recipient) => recipient !== null) }, origin);
  for await (const bytes of message.read()) await posting.write(bytes);
  const answer = await posting.finish();
  await poster.close();
  return queueExitCode(answer);
}
