/**
 * Tickets: how the oracle tells a mailbox worker who has come, by way of a listener that neither of them trusts. Only the oracle
 * and the worker know the key; a ticket is good for one session, for a few seconds.
 */
import { createHmac, randomBytes } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { sameBytes } from "./same-bytes.ts";

/** From the answer to the knock at the worker: one connection on the same machine, maybe to a process that starts. */
export const ticketLifeMs = 30_000;
/** A ticket as a line of text is never longer. */
export const maxTicketBytes = 8_192;

/** What a ticket says. Byte strings, and a time in milliseconds since 1970. */
export type Ticket = {
  readonly user: ByteString;
  /** Absolute. */
  readonly maildir: ByteString;
  /** The client's address and the listener's session, for the log. */
  readonly ip: string;
  readonly session: string;
  readonly tls: boolean;
  readonly untilMs: number;
  readonly nonce: string;
};

function seal(body: string, key: Buffer): Buffer {
  return createHmac("sha256", key).update(body, "latin1").digest();
}

/** A ticket as a line: its content and its seal, in base64url. */
export function issueTicket(facts: Omit<Ticket, "untilMs" | "nonce">, key: Buffer, nowMs: number): string {
  const ticket: Ticket = { ...facts, untilMs: nowMs + ticketLifeMs, nonce: randomBytes(12).toString("base64url") };
  const body = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${body}.${seal(body, key).toString("base64url")}`;
}

/** Reads tickets under one key, each at most once. Null for any that is forged, too old, or was here before. */
export function ticketReader(key: Buffer): (line: ByteString, nowMs: number) => Ticket | null {
  const used = new Map<string, number>();
  return (line, nowMs) => {
    const [body = "", mac = ""] = line.split(".", 2);
    if (!sameBytes(Buffer.from(mac, "base64url"), seal(body, key))) return null;
    // Sealed by the oracle, so it is of the form the oracle writes.
    const ticket = JSON.parse(Buffer.from(body, "base64url").toString()) as Ticket;
    for (const [nonce, untilMs] of used) if (untilMs < nowMs) used.delete(nonce);
    if (ticket.untilMs < nowMs || used.has(ticket.nonce)) return null;
    used.set(ticket.nonce, ticket.untilMs);
    return ticket;
  };
}

/** The key of one worker, made from the oracle's own so that no user's worker can seal for another's. */
export function workerKey(master: Buffer, uid: number, gid: number): Buffer {
  return createHmac("sha256", master)
    .update(toBytes(`${uid}.${gid}`))
    .digest();
}
