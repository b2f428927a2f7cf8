import { type ByteString, toBytes } from "#bytes";
import { letterOfFate } from "#mail";
import type { DoorAnswer } from "./posting.ts";

/** qmail's bound on any announced length (spec 2.17); more than this is trouble with resources, not a protocol error. */
export const maxAnnouncedBytes = 200_000_000;

/** Digits in front of a colon are at most this many; the bound above has nine. */
const maxLengthDigits = 100;

/** A length that was read: `next` is the offset behind its colon. `"short"`: its end has not come yet. */
export type ScannedLength = { readonly length: number; readonly next: number } | "short" | "malformed" | "too-long";

/** Reads `digits:` from `at`, as qmail's getlen does: no digits at all are 0. */
export function scanLength(bytes: Uint8Array, at: number): ScannedLength {
  let length = 0;
  const end = Math.min(bytes.length, at + maxLengthDigits);
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (length > maxAnnouncedBytes) return "too-long";
    if (byte === 0x3a) return { length, next: i + 1 };
    if (byte < 0x30 || byte > 0x39) return "malformed";
    length = length * 10 + (byte - 0x30);
  }
  return bytes.length - at < maxLengthDigits ? "short" : "malformed";
}

/** Texts of both servers, their letter in front (spec 2.17). */
export const replies = {
  foreignRecipient: "Dsorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
  badRecipient: "Dsorry, I can't handle that recipient (#5.1.3)",
  badSender: "Dunacceptable sender (#5.1.7)",
  tooBig: "Dsorry, that message size exceeds my databytes limit (#5.3.4)",
  badAddress: "Dsorry, I can't accept addresses like that (#5.1.3)",
} as const;

/** Both protocols take addresses of less than this many bytes. */
export const maxWireAddressBytes = 999;

/** The queue's answer as a reply: `Kok 1700000000 qp 17`, or its text behind its letter. `qp` stands in when the queue gave no number. */
export function replyForAnswer(answer: DoorAnswer, now: Date, qp: number): ByteString {
  if (answer.fate !== "done") return letterOfFate[answer.fate] + answer.text;
  return `Kok ${Math.floor(now.getTime() / 1000)} qp ${answer.queueId ?? qp}`;
}

/** Turns CRLF into LF in bytes that come in pieces; other CRs stay. */
export class CrlfToLf {
  /** A CR that ended the last piece. */
  #heldCr = false;

  push(chunk: Buffer): Buffer {
    const bytes = this.#heldCr ? Buffer.concat([toBytes("\r"), chunk]) : chunk;
    this.#heldCr = bytes.at(-1) === 0x0d;
    const whole = this.#heldCr ? bytes.subarray(0, -1) : bytes;
    if (whole.indexOf("\r\n") < 0) return whole;
    return toBytes(whole.toString("latin1").replaceAll("\r\n", "\n"));
  }

  end(): Buffer {
    return toBytes(this.#heldCr ? "\r" : "");
  }
}
