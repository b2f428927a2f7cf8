/**
 * control/poppasswd: mailbox passwords of people without a system account, `login:hash:uid:gid:home` a line, read anew when it
 * changes. Holds hashes, so it must be for its owner alone; anything else is an error, not a warning.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, lowerAscii } from "#bytes";
import { errorCode } from "#files";

/** One entry. A missing uid, gid or home is null: then the entry's login is a system account's name. */
export type PopEntry = {
  readonly login: ByteString;
  readonly hash: ByteString;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly home: ByteString | null;
};

const id = /^[0-9]{1,10}$/;

/** Reads one line; null if it is none: no hash, or ids that are no numbers. */
export function parsePopEntry(line: ByteString): PopEntry | null {
  const [login = "", hash = "", uid = "", gid = "", ...home] = line.split(":");
  if (login === "" || hash === "") return null;
  if ([uid, gid].some((text) => text !== "" && !id.test(text)) || (uid === "") !== (gid === "")) return null;
  const folder = home.join(":");
  if (uid !== "" && !folder.startsWith("/")) return null;
  return {
    login: lowerAscii(login),
    hash,
    uid: uid === "" ? null : Number(uid),
    gid: gid === "" ? null : Number(gid),
    home: folder === "" ? null : folder,
  };
}

/** The entries of the file's text by login; comments and what is no entry are left out, the first of equal logins counts. */
export function parsePopPasswd(text: ByteString): ReadonlyMap<ByteString, PopEntry> {
  const entries = new Map<ByteString, PopEntry>();
  for (const raw of text.split("\n")) {
    const line = raw.replace(/[ \t\r]+$/, "");
    const entry = line.startsWith("#") ? null : parsePopEntry(line);
    if (entry !== null && !entries.has(entry.login)) entries.set(entry.login, entry);
  }
  return entries;
}

/** The text with `login`'s hash replaced, or the entry added at the end; everything else stays as it is. */
export function withHash(
  text: ByteString,
  entry: Pick<PopEntry, "login" | "hash"> & { readonly rest: ByteString },
): ByteString {
  const wanted = lowerAscii(entry.login);
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const at = lines.findIndex((line) => !line.startsWith("#") && lowerAscii(line.split(":", 1)[0] ?? "") === wanted);
  if (at < 0) lines.push(`${entry.login}:${entry.hash}${entry.rest}`);
  else {
    const fields = lines[at]!.split(":");
    fields[1] = entry.hash;
    lines[at] = fields.join(":");
  }
  return `${lines.join("\n")}\n`;
}

/** Thrown when the file is there and cannot be used; the message says why. */
export class PopPasswdError extends Error {}

/** Who may own the file: root, whoever checks, or whoever the home belongs to. */
function mayOwn(uid: number, home: string): boolean {
  return uid === 0 || uid === process.getuid?.() || uid === statSync(home).uid;
}

/**
 * Looks a login up in a home's control/poppasswd. A missing file has nobody. Throws PopPasswdError if others than its owner
 * may read or write it, if a stranger owns it, or if it cannot be read.
 */
export function openPopPasswd(home: string): (login: ByteString) => PopEntry | null {
  const path = join(home, "control", "poppasswd");
  let kept: { readonly stamp: string; readonly entries: ReadonlyMap<ByteString, PopEntry> } | null = null;
  const load = (): ReadonlyMap<ByteString, PopEntry> => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return new Map();
    const stamp = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    if (kept?.stamp === stamp) return kept.entries;
    if ((stat.mode & 0o077n) !== 0n) {
      throw new PopPasswdError(`${path} may be read or written by others than its owner: chmod 600 it`);
    }
    if (!mayOwn(Number(stat.uid), home)) throw new PopPasswdError(`${path} belongs to uid ${stat.uid}, a stranger`);
    const entries = parsePopPasswd(readFileSync(path, "latin1"));
    // A file this fresh may change again without its stamp changing.
    kept = Date.now() - Number(stat.ctimeMs) < 50 ? null : { stamp, entries };
    return entries;
  };
  return (login) => {
    try {
      return load().get(lowerAscii(login)) ?? null;
    } catch (cause) {
      if (cause instanceof PopPasswdError) throw cause;
      throw new PopPasswdError(`unable to read ${path}: ${errorCode(cause) || "error"}`, { cause });
    }
  };
}
