/**
 * control/poppasswd: mailbox passwords of people without a system account, `login:hash:uid:gid:home` a line, read anew when it
 * changes. Holds hashes, so it must be for its owner alone; anything else is an error, not a warning.
 */
import { type ByteString, lowerAscii } from "#bytes";
import { openSecretFile } from "./open-secret-file.ts";

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
export { SecretFileError as PopPasswdError } from "./open-secret-file.ts";

/** Looks a login up in a home's control/poppasswd. A missing file has nobody. Throws PopPasswdError if it cannot be used. */
export function openPopPasswd(home: string): (login: ByteString) => PopEntry | null {
  const load = openSecretFile(home, "poppasswd", parsePopPasswd);
  return (login) => load().get(lowerAscii(login)) ?? null;
}
