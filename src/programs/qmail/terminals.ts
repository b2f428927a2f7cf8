import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, toBytes } from "#bytes";

/** Layout of struct utmp on Linux: type, pid, line[32], id[4], user[32]; the whole is longer where times have 64 bits. */
const utmp = {
  recordBytes: process.arch === "arm64" || process.arch === "riscv64" ? 400 : 384,
  line: { at: 8, length: 32 },
  user: { at: 44, length: 32 },
  userProcess: 7,
} as const;
const ownerExecute = 0o100;
/** A name in /dev (`tty1`, `pts/3`) and nothing that leads out of it. */
const terminalName = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/;

function counted(record: Buffer, { at, length }: { readonly at: number; readonly length: number }): ByteString {
  return record.toString("latin1", at, at + length).replace(/\0.*$/s, "");
}

/** The terminals a user is logged in on, as utmp's bytes say: names below /dev. */
export function terminalsOf(bytes: Buffer, user: ByteString): readonly string[] {
  const names = new Set<string>();
  for (let at = 0; at + utmp.recordBytes <= bytes.length; at += utmp.recordBytes) {
    const record = bytes.subarray(at, at + utmp.recordBytes);
    if (record.readInt16LE(0) !== utmp.userProcess || counted(record, utmp.user) !== user) continue;
    const name = counted(record, utmp.line);
    if (terminalName.test(name)) names.add(name);
  }
  return [...names];
}

/** Where terminals are looked for; a test has its own. */
export type Terminals = { readonly utmp: string; readonly dev: string; readonly uid: number };

/**
 * Writes to each terminal of a user that belongs to the uid and has its owner-execute bit set (`biff y`). What cannot be read,
 * opened or written is passed over: this is a courtesy, mail does not depend on it.
 */
export function writeToTerminals(where: Terminals, user: ByteString, text: ByteString): void {
  for (const name of terminalNames(where.utmp, user)) {
    try {
      const flags = constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
      const fd = openSync(join(where.dev, name), flags);
      try {
        const { uid, mode } = fstatSync(fd);
        if (uid === where.uid && (mode & ownerExecute) !== 0) writeSync(fd, toBytes(text));
      } finally {
        closeSync(fd);
      }
    } catch {
      // A terminal that has gone, is not ours or does not take it now.
    }
  }
}

function terminalNames(path: string, user: ByteString): readonly string[] {
  try {
    return terminalsOf(readFileSync(path), user);
  } catch {
    return []; // No utmp, nobody logged in.
  }
}
