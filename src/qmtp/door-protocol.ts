import { join } from "node:path";
import { type ByteString, fromBytes, toBytes } from "#bytes";
import { type Address, type Envelope, type Invoker, type Origin, parseAddress, type ReversePath } from "#mail";

/** Where the queue's door is, and the folder for messages that come while it is shut. */
export const doorPath = (home: string): string => join(home, "queue", "door");
/** Where the filter has a door of the same kind, if there is one: what comes in there from clients goes on to the queue's. */
export const filterPath = (home: string): string => join(home, "run", "filter");
export const dropFolder = (home: string): string => join(home, "queue", "drop");

/** First bytes of our dialect; classic QMQP begins with a digit, so the first byte tells them apart. */
export const preface = toBytes("QUAIL1\n");

/** Frames of the door. A message is BEGIN, MORE*, BODY*, then END or ABORT, all with one id chosen by the client; ANSWER comes back. */
export const frames = {
  /** `invoker NUL uid NUL sender NUL (recipient NUL)*` */
  begin: 1,
  /** `(recipient NUL)*`, for lists longer than one frame holds. */
  more: 2,
  body: 3,
  end: 4,
  abort: 5,
  /** JSON: what was counted since the last one, name to number; for the metrics. */
  tell: 6,
  /** `(key=value NUL)*`, after BEGIN: what a server met of its client, for the filter. The queue does not look at it. */
  about: 7,
  /** `K<queue id>`, `Z<text>` or `D<text>`. */
  answer: 9,
} as const;

/** Recipient bytes put into one frame at most; the frame limit is 1 MiB. */
const envelopeFrameBytes = 256 * 1024;

/** The BEGIN payload and as many MORE payloads as the recipients need. */
export function renderEnvelope(envelope: Envelope, origin: Origin): readonly [Buffer, ...Buffer[]] {
  const first = `${origin.invoker}\0${origin.uid}\0${envelope.sender}\0`;
  if (envelope.recipients.length === 1) return [toBytes(`${first}${envelope.recipients[0]}\0`)];
  const pieces: string[] = [];
  let piece = first;
  for (const recipient of envelope.recipients) {
    if (piece.length + recipient.length >= envelopeFrameBytes) {
      pieces.push(piece);
      piece = "";
    }
    piece += `${recipient}\0`;
  }
  const [begin = first, ...more] = [...pieces, piece];
  return [toBytes(begin), ...more.map(toBytes)];
}

const invokers: ReadonlyMap<string, Invoker> = new Map(
  (["network", "alias", "bounce", "user"] as const).map((name) => [name, name]),
);

/** What a BEGIN payload says; null if it is malformed. */
export type BegunEnvelope = {
  readonly origin: Origin;
  readonly sender: ReversePath;
  readonly recipients: Address[];
  /** What an ABOUT told. */
  readonly client?: ClientFacts;
};

/** What a server knows of the client it takes a message from (`ip`, `helo`, `relay`, `user`, ...): names to values. */
export type ClientFacts = ReadonlyMap<string, ByteString>;

/** Facts of one client at most, and how long they may be together. */
const maxFacts = 50;
const maxFactBytes = 16 * 1024;

/** The ABOUT payload of some facts. */
export function renderFacts(facts: ClientFacts): Buffer {
  return toBytes([...facts].map(([key, value]) => `${key}=${value.replaceAll("\0", "")}\0`).join(""));
}

/** The facts of an ABOUT payload; none if it is malformed. */
export function parseFacts(payload: Buffer): ClientFacts {
  const pieces = payload.length > maxFactBytes ? [] : fromBytes(payload).split("\0").slice(0, maxFacts);
  const pairs = pieces.filter((piece) => piece.includes("="));
  return new Map(pairs.map((piece) => [piece.slice(0, piece.indexOf("=")), piece.slice(piece.indexOf("=") + 1)]));
}

export function parseBegin(payload: Buffer): BegunEnvelope | null {
  const [invokerName = "", uid = "", sender, ...rest] = fromBytes(payload).split("\0");
  const invoker = invokers.get(invokerName);
  if (invoker === undefined || sender === undefined || !/^[0-9]{1,10}$/.test(uid)) return null;
  const path = parseReversePath(sender);
  const recipients = parseRecipients(rest);
  return path === null || recipients === null
    ? null
    : { origin: { invoker, uid: Number(uid) }, sender: path, recipients };
}

/** Recipients of a MORE payload; null if one is malformed. */
export function parseMore(payload: Buffer): readonly Address[] | null {
  return parseRecipients(fromBytes(payload).split("\0"));
}

/** A reverse-path as the envelope carries it; null when it is too long. */
export function parseReversePath(text: ByteString): ReversePath | null {
  return text === "" ? "" : parseAddress(text);
}

function parseRecipients(pieces: readonly ByteString[]): Address[] | null {
  // Every recipient ends in NUL, so the last piece is what follows the last NUL: nothing.
  if (pieces.at(-1) !== "") return null;
  const recipients: Address[] = [];
  for (let i = 0; i < pieces.length - 1; i++) {
    const address = parseAddress(pieces[i]!);
    if (address === null) return null;
    recipients.push(address);
  }
  return recipients;
}

/** Names and number of counters in one TELL; a front end is not trusted to be reasonable. */
const counterName = /^[a-z][a-z_]{0,59}$/;
const maxCounters = 50;

/** The counters of a TELL payload; null if it is anything else. */
export function parseTell(payload: Buffer): ReadonlyMap<string, number> | null {
  try {
    const told: unknown = JSON.parse(fromBytes(payload));
    if (typeof told !== "object" || told === null) return null;
    const counters = Object.entries(told).filter(
      (entry): entry is [string, number] =>
        counterName.test(entry[0]) && Number.isSafeInteger(entry[1]) && (entry[1] as number) >= 0,
    );
    return counters.length > maxCounters ? null : new Map(counters);
  } catch {
    return null; // Not JSON: the peer talks nonsense.
  }
}
