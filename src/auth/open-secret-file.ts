import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import { errorCode } from "#files";

/** Thrown when the file is there and cannot be used; the message says why. */
export class SecretFileError extends Error {}

/** Who may own the file: root, whoever checks, or whoever the home belongs to. */
function mayOwn(uid: number, home: string): boolean {
  return uid === 0 || uid === process.getuid?.() || uid === statSync(home).uid;
}

/** A file this fresh may change again without its stamp changing. */
const unsettledMs = 50;

/**
 * A control file that holds secrets: what `parse` makes of its text, read anew when it changes; of a missing file, of no text. The
 * returned function throws SecretFileError if others than its owner may read or write it, if a stranger owns it, or if it cannot be read.
 */
export function openSecretFile<T>(home: string, name: string, parse: (text: ByteString) => T): () => T {
  const path = join(home, "control", name);
  const empty = parse("");
  let kept: { readonly stamp: string; readonly content: T } | null = null;
  const load = (): T => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return empty;
    const stamp = `${stat.mtimeNs}.${stat.ctimeNs}.${stat.size}.${stat.ino}`;
    if (kept?.stamp === stamp) return kept.content;
    if ((stat.mode & 0o077n) !== 0n) {
      throw new SecretFileError(`${path} may be read or written by others than its owner: chmod 600 it`);
    }
    if (!mayOwn(Number(stat.uid), home)) throw new SecretFileError(`${path} belongs to uid ${stat.uid}, a stranger`);
    const content = parse(readFileSync(path, "latin1"));
    kept = Date.now() - Number(stat.ctimeMs) < unsettledMs ? null : { stamp, content };
    return content;
  };
  return () => {
    try {
      return load();
    } catch (cause) {
      if (cause instanceof SecretFileError) throw cause;
      throw new SecretFileError(`unable to read ${path}: ${errorCode(cause) || "error"}`, { cause });
    }
  };
}
