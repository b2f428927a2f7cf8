import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurable } from "#files";

/** OpenSSL's three keys in one: a name, one to authenticate with, one to encrypt with. */
export const ticketKeyBytes = 48;
/** Below the home. A folder of its own: who may read it may resume everybody's sessions. */
export const ticketKeyFile = "run/tls/tickets";
/** After so long a ticket is worth nothing any more, nor is a key that was stolen (RFC 9325 §3.4). */
export const ticketKeyLifeMs = 12 * 60 * 60 * 1000;

/** Who the processes that speak TLS are; left out: the caller. */
export type TicketReaders = { readonly uid: number; readonly gid: number };

/** Makes the folder for the keys. */
export function makeTicketFolder(home: string, readers?: TicketReaders): void {
  const folder = join(home, "run", "tls");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readers !== undefined) chownSync(folder, readers.uid, readers.gid);
}

/** New keys for session tickets, in place of the old ones. */
export async function renewTicketKeys(home: string, readers?: TicketReaders): Promise<void> {
  const path = join(home, ticketKeyFile);
  await writeFileDurable(path, randomBytes(ticketKeyBytes), 0o400);
  if (readers !== undefined) chownSync(path, readers.uid, readers.gid);
}

/** Takes them away: with the last of the house's processes the tickets they gave out end. */
export function dropTicketKeys(home: string): void {
  rmSync(join(home, ticketKeyFile), { force: true });
}
