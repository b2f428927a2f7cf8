import type { Reply } from "../../grammar/reply.ts";
import type { Conversation } from "../conversation.ts";
import { DataDecoder } from "../data-decoder.ts";
import { idle, type Phase, type Turn } from "../phase.ts";
import * as say from "../say.ts";
import { answer, bareLf, openIntake, overLimit } from "./message.ts";

type Chunks = Extract<Phase, { at: "chunks" }>;

/** A chunk nobody wants is read and thrown away (RFC 3030 §2), unless it is larger than this: then the connection closes. */
const maxUnwantedBytes = 1 << 30;
const chunkArgument = /^(\d{1,15})(?: +(LAST))? *$/i;

/**
 * BDAT (RFC 3030 §2). Its octets follow at once, so they are read whatever the answer will be; where their number cannot be
 * read the session ends, because message would be taken for commands. Lines obey DATA's rule: a bare LF ends the session.
 */
export async function chunk(talk: Conversation, phase: Phase, argument: string): Promise<Turn> {
  const match = chunkArgument.exec(argument);
  if (match === null) {
    return { phase: idle, reply: say.badChunk, refusal: { reason: "syntax", kind: "command" }, end: "bad-chunk" };
  }
  const size = Number(match[1]);
  if (size === 0) talk.idleCommands++;
  if (phase.at === "idle") return skip(talk, phase, size, say.mailFirst, "sequence");
  if (phase.transaction.recipients.length === 0) return skip(talk, phase, size, say.recipientFirst, "sequence");
  const over = talk.user === null || phase.at === "chunks" ? null : await overLimit(talk, phase.transaction);
  if (over !== null) return skip(talk, idle, size, over, "sending-limit");
  const begun: Chunks =
    phase.at === "chunks"
      ? phase
      : {
          at: "chunks",
          transaction: phase.transaction,
          intake: openIntake(talk, phase.transaction),
          decoder: new DataDecoder({ dots: false }),
        };
  try {
    const turn = await take(talk, begun, size, match[2] !== undefined);
    if (turn.phase.at !== "chunks") begun.intake.abort();
    return turn;
  } catch (error) {
    begun.intake.abort();
    throw error;
  }
}

/** A chunk outside a transaction: read it, drop it, say what was missing. */
async function skip(talk: Conversation, phase: Phase, size: number, reply: Reply, reason: string): Promise<Turn> {
  const refusal = { reason, kind: reason === "sequence" ? "command" : "message" } as const;
  if (size > maxUnwantedBytes) return { phase, reply, refusal, end: "bad-chunk" };
  const arrived = await readOctets(talk, size, () => undefined);
  return arrived ? { phase, reply, refusal } : { phase, reply: null, end: "eof" };
}

/** Hands exactly `size` octets on, piece by piece, until `take` says stop; false if the peer hung up before. */
async function readOctets(
  talk: Conversation,
  size: number,
  take: (piece: Buffer) => Promise<void> | undefined | "stop",
): Promise<boolean> {
  for (let left = size; left > 0; ) {
    const piece = await talk.wire.readSome();
    if (piece === null) return false;
    const ours = piece.length <= left ? piece : piece.subarray(0, left);
    left -= ours.length;
    if (ours.length < piece.length) talk.wire.unread(piece.subarray(ours.length));
    const wait = take(ours);
    if (wait === "stop") return true;
    if (wait !== undefined) await wait;
  }
  return true;
}

async function take(talk: Conversation, phase: Chunks, size: number, isLast: boolean): Promise<Turn> {
  const { intake, decoder, transaction } = phase;
  let isBare = false;
  const arrived = await readOctets(talk, size, (piece) => {
    const { kind, bytes } = decoder.decode(piece);
    isBare = kind === "bare-lf";
    return isBare ? "stop" : (intake.add(bytes) ?? undefined);
  });
  if (!arrived) return { phase: idle, reply: null, end: "eof" };
  if (isBare) return bareLf();
  if (isLast) {
    const wait = intake.add(decoder.finish());
    if (wait !== undefined) await wait;
    return answer(talk, transaction, await intake.finish());
  }
  // Refused half-way: say so now, so that a client that waits for answers sends no more of it.
  if (intake.refused !== null) return answer(talk, transaction, await intake.finish());
  return { phase, reply: say.chunkTaken(size) };
}
