import type { Socket } from "node:net";
import { toBytes } from "#bytes";
import { letterOfFate, permanent, temporary } from "#mail";
import { FrameLink } from "#net";
import { type BegunEnvelope, frames, parseBegin, parseFacts, parseMore, parseTell, preface } from "./door-protocol.ts";
import type { DoorAnswer } from "./posting.ts";
import { serveQmqp } from "./qmqp-at-the-door.ts";

/** A message that is coming in. The house gathers its bytes; `end` resolves once it is durable. */
export type Incoming = {
  write(bytes: Buffer): void;
  end(): Promise<DoorAnswer>;
  abort(): void;
};

/** What stands behind the door. `begin` is given the whole envelope before the first byte of the message. */
export type DoorHouse = {
  begin(envelope: BegunEnvelope): Incoming;
  /** Something that should not have happened did: a message was refused for now. */
  trouble?(error: unknown): void;
  /** Where a large classic package may wait for its envelope, which comes last; default: the temporary folder. */
  readonly holdIn?: string;
  /** Who says nothing for so long is let go, whatever is under way; default: only who has not said a word yet. */
  readonly idleMs?: number;
  /** How long one may take for the first word, in milliseconds. */
  readonly firstWordMs?: number;
  /** What a front end has counted since it last told. */
  hear?(counters: ReadonlyMap<string, number>): void;
};

/** Messages one connection may have under way; a client that opens more is cut off. */
const maxUnderWay = 20_000;

/** Envelope bytes one connection may have under way, all its messages together: some three million recipients. */
const maxEnvelopeBytes = 128 * 1024 * 1024;

const badEnvelope: DoorAnswer = { ...permanent("envelope address too long for qq (#5.1.3)"), queueId: null };
const broken: DoorAnswer = { ...temporary("qq internal bug (#4.3.0)"), queueId: null };

/** Who knocks says at once what he speaks; one who does not is let go after so long. */
const firstWordMs = 60_000;

/** Serves one connection at the queue's door until the peer hangs up: our dialect, or one classic QMQP message. */
export function serveDoor(socket: Socket, house: DoorHouse, maxEnvelope = maxEnvelopeBytes): void {
  const early: Buffer[] = [];
  socket.on("error", () => {}); // A lost connection ends in `close`, where what is unfinished is dropped.
  socket.setTimeout(house.firstWordMs ?? firstWordMs, () => socket.destroy());
  const onData = (chunk: Buffer): void => {
    early.push(chunk);
    const bytes = Buffer.concat(early);
    const classic = bytes[0] !== preface[0];
    if (!classic && bytes.length < preface.length) return;
    socket.off("data", onData);
    socket.setTimeout(house.idleMs ?? 0);
    if (classic) void serveQmqp(socket, bytes, house);
    else if (bytes.subarray(0, preface.length).equals(preface))
      serveDialect(socket, bytes.subarray(preface.length), house, maxEnvelope);
    else socket.destroy();
  };
  socket.on("data", onData);
}

type UnderWay =
  | { readonly at: "envelope"; readonly envelope: BegunEnvelope }
  | { readonly at: "body"; readonly incoming: Incoming }
  | { readonly at: "refused"; readonly answer: DoorAnswer };

function serveDialect(socket: Socket, early: Buffer, house: DoorHouse, maxEnvelope: number): void {
  const underWay = new Map<number, UnderWay>();
  const envelopes = new Map<number, number>();
  let envelopeBytes = 0;
  /** Counts envelope bytes of a message; false when the client has too many under way. */
  const weigh = (id: number, bytes: number): boolean => {
    envelopes.set(id, (envelopes.get(id) ?? 0) + bytes);
    envelopeBytes += bytes;
    return envelopeBytes <= maxEnvelope;
  };
  const over = (id: number): void => {
    underWay.delete(id);
    envelopeBytes -= envelopes.get(id) ?? 0;
    envelopes.delete(id);
  };
  const answer = (id: number, said: DoorAnswer): void => {
    link.send(
      frames.answer,
      id,
      toBytes(`${letterOfFate[said.fate]}${said.fate === "done" ? said.queueId : said.text}`),
    );
  };
  const inBody = (id: number): UnderWay | undefined => {
    const message = underWay.get(id);
    if (message?.at !== "envelope") return message;
    const begun: UnderWay = { at: "body", incoming: house.begin(message.envelope) };
    underWay.set(id, begun);
    return begun;
  };
  const onFrame = ({ kind, id, payload }: { kind: number; id: number; payload: Buffer }): void => {
    if (socket.destroyed) return; // Cut off: what came in one packet with the offence is not heard either.
    if (kind === frames.begin) {
      if (underWay.size >= maxUnderWay || underWay.has(id) || !weigh(id, payload.length)) return void socket.destroy();
      const envelope = parseBegin(payload);
      underWay.set(id, envelope === null ? { at: "refused", answer: badEnvelope } : { at: "envelope", envelope });
    } else if (kind === frames.more) {
      const message = underWay.get(id);
      if (message?.at !== "envelope") return;
      if (!weigh(id, payload.length)) return void socket.destroy();
      const more = parseMore(payload);
      if (more === null) underWay.set(id, { at: "refused", answer: badEnvelope });
      else for (const recipient of more) message.envelope.recipients.push(recipient);
    } else if (kind === frames.about) {
      const message = underWay.get(id);
      if (message?.at !== "envelope") return;
      if (!weigh(id, payload.length)) return void socket.destroy();
      underWay.set(id, { at: "envelope", envelope: { ...message.envelope, client: parseFacts(payload) } });
    } else if (kind === frames.body) {
      const message = inBody(id);
      if (message?.at === "body") message.incoming.write(payload);
    } else if (kind === frames.end) {
      const message = inBody(id);
      over(id);
      if (message?.at === "refused") answer(id, message.answer);
      else if (message?.at === "body") {
        message.incoming.end().then(
          (said) => answer(id, said),
          (error: unknown) => {
            house.trouble?.(error);
            answer(id, broken);
          },
        );
      }
    } else if (kind === frames.abort) {
      const message = underWay.get(id);
      over(id);
      if (message?.at === "body") message.incoming.abort();
    } else if (kind === frames.tell) {
      const counters = parseTell(payload);
      if (counters !== null) house.hear?.(counters);
    }
  };
  const link = new FrameLink(socket, {
    frame: onFrame,
    close() {
      for (const message of underWay.values()) if (message.at === "body") message.incoming.abort();
      underWay.clear();
    },
  });
  // Only now: a frame that came with the preface may be answered at once, and `link` must be there by then.
  if (early.length > 0) socket.emit("data", early);
}
