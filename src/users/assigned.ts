import { type ByteString, fromBytes, lowerAscii } from "#bytes";
import { type CdbSync, openCdbSync } from "#files";
import type { LocalRoute } from "#mail";
import { exactKey, wildcardKey } from "./assign.ts";
import { keptFile } from "./kept-file.ts";

/** What users/cdb says of a local part. `key` is the answering line's beginning: `=joe` or `+joe-`. */
export type Assigned = { readonly key: ByteString; readonly route: LocalRoute };

/** An open users/cdb with its list of the characters wildcards end in. */
type OpenUsersCdb = { readonly cdb: CdbSync; readonly lastCharacters: ByteString };

const decimal = /^[0-9]{1,10}$/;
/** (uid_t) -1 means "none" to the kernel; ids go up to the one before. */
export const maxId = 0xffff_fffe;

function idOf(text: ByteString | undefined): number {
  const id = decimal.test(text ?? "") ? Number(text) : Number.NaN;
  if (!(id <= maxId)) throw new Error(`users/cdb has "${text ?? ""}" for a uid or gid`);
  return id;
}

function routeOf(data: Buffer, remainder: ByteString): LocalRoute {
  const [user, uid, gid, home, dash, ext] = fromBytes(data).split("\0");
  if (user === undefined || home === undefined || dash === undefined || ext === undefined)
    throw new Error("users/cdb has a record with too few fields");
  if (!home.startsWith("/")) throw new Error(`users/cdb has the home "${home}", which is no absolute path`);
  return { user, uid: idOf(uid), gid: idOf(gid), home, dash, ext: ext + remainder };
}

function lookUp({ cdb, lastCharacters }: OpenUsersCdb, local: ByteString): Assigned | null {
  const lower = lowerAscii(local);
  const exact = cdb.get(exactKey(lower));
  if (exact !== null) return { key: `=${lower}`, route: routeOf(exact, "") };
  // A prefix is worth a look only if some wildcard ends in its last character. Longest first; `+:` has no last character.
  for (let length = lower.length; length >= 0; length--) {
    if (length > 0 && !lastCharacters.includes(lower[length - 1]!)) continue;
    const prefix = lower.slice(0, length);
    const data = cdb.get(wildcardKey(prefix));
    if (data !== null) return { key: `+${prefix}`, route: routeOf(data, local.slice(length)) };
  }
  return null;
}

/**
 * Look-ups in `home`/users/cdb: exact, then wildcards from the longest (spec 5.4). Null: no entry, or no such file. The file
 * is opened again when `qmail-newu` replaces it. Throws if it is unreadable or corrupt.
 */
export function openAssigned(path: string): (local: ByteString) => Assigned | null {
  const open = (): OpenUsersCdb | null => {
    const cdb = openCdbSync(path);
    if (cdb === null) return null;
    const lastCharacters = cdb.get(Buffer.alloc(0));
    if (lastCharacters === null) throw new Error("users/cdb has no list of wildcard endings");
    return { cdb, lastCharacters: lowerAscii(fromBytes(lastCharacters)) };
  };
  const current = keptFile(path, open, (old) => old?.cdb.close());
  return (local) => {
    const users = current();
    return users === null ? null : lookUp(users, local);
  };
}
