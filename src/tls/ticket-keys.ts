import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurable } from "#files";

/** OpenSSL's three keys in one: a name, one to authenticate with, one to encrypt with. */
export const ticketKeyBytes = 48;
/** Below the home. A folder of its own: who may read it may resume everybody's sessions. */
export const ticketKeyFile = "run/tls/tickets";
/** After so long a ticket is worth nothing any more, nor is a key that was stolen (RFC 9325 §3.4). */
export const ticketKeyLifeMs = 12 * 60 * 60 * 1000;

/** The group of the processes that speak TLS, where they are not the caller: they may read the keys, and nobody else. */
type Readers = number | null;

function handOver(path: string, readers: Readers, mode: number): void {
  if (readers === null) return;
  chownSync(path, process.getuid?.() ?? 0, readers);
  chmodSync(path, mode);
}

/** From the kernel itself: the supervisor, who makes them, does without the 0.8 MB of Node's cryptography. Throws if it gives too few. */
function randomKeys(): Buffer {
  const keys = Buffer.alloc(ticketKeyBytes);
  const source = openSync("/dev/urandom", "r");
  try {
    if (readSync(source, keys) !== ticketKeyBytes) throw new Error("/dev/urandom gives no random octets");
  } finally {
    closeSync(source);
  }
  return keys;
}

/** Makes the folder for the keys. */
export function makeTicketFolder(home: string, readers: Readers = null): void {
  const folder = join(home, "run", "tls");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  handOver(folder, readers, 0o750);
}

/** New keys for session tickets, in place of the old ones. */
export async function renewTicketKeys(home: string, readers: Readers = null): Promise<void> {
  const path = join(home, ticketKeyFile);
  await writeFileDurable(path, randomKeys(), 0o400);
  handOver(path, readers, 0o440);
}

/** Takes them away: tickets end with the house that gave them out. */
export function dropTicketKeys(home: string): void {
  rmSync(join(home, ticketKeyFile), { force: true });
}
