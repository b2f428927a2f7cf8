/**
 * Accounts that stand in no file: LDAP, sssd, homed and the like, asked through getpwnam_r(3). Node has no such call, so it
 * goes through koffi, off the event loop, and only for names /etc/passwd does not have.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type ByteString, toBytes, utf8ToByteString } from "#bytes";
import type { Account } from "./passwd.ts";

/** How long an answer, yes or no, is good for: a burst of mail to one address asks the directory once. */
const keepMs = 5_000;
/** Strangers choose the names; beyond this many the oldest is forgotten. */
const maxKept = 10_000;
/** Room for one account's strings; glibc's own hint is 1024. */
const stringBytes = 64 * 1024;

/** Look-ups under way at a time: a directory that hangs must not take all of Node's few disk threads with it. */
const maxAsked = 2;

/** errno values by which getpwnam_r(3) says "no such name" as well as by 0: ENOENT, ESRCH, EBADF, EPERM. */
const notFound = new Set([0, 2, 3, 9, 1]);

type Passwd = {
  readonly pw_name: string | null;
  readonly pw_uid: number;
  readonly pw_gid: number;
  readonly pw_dir: string | null;
};
type Ask = (name: Buffer) => Promise<{ readonly error: number; readonly found: boolean; readonly passwd: Passwd }>;

/** Buffers of calls under way. koffi keeps no hold on them: without this the collector may take them from under libc. */
const underWay = new Set<readonly Buffer[]>();

/** True if the system may know accounts that /etc/passwd does not: nsswitch.conf(5) names more than the files, or is missing. */
function hasNameService(): boolean {
  try {
    const line = /^[ \t]*passwd:([^#\n]*)/m.exec(readFileSync("/etc/nsswitch.conf", "latin1"))?.[1] ?? "";
    return line
      .replace(/\[[^\]]*\]/g, " ")
      .trim()
      .split(/\s+/)
      .some((source) => source !== "files" && source !== "compat");
  } catch {
    return true; // Unreadable or missing: libc has its own default, so ask libc.
  }
}

/** getpwnam_r, or null where koffi is missing or the system's struct passwd is not the one we know (Linux). */
function getpwnam(): Ask | null {
  if (process.platform !== "linux" || !hasNameService()) return null;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const passwdType = koffi.struct({
      pw_name: "const char *",
      pw_passwd: "void *",
      pw_uid: "uint32_t",
      pw_gid: "uint32_t",
      pw_gecos: "void *",
      pw_dir: "const char *",
      pw_shell: "void *",
    });
    const native = koffi
      .load("libc.so.6")
      .func("getpwnam_r", "int", [
        "void *",
        koffi.out(koffi.pointer(passwdType)),
        "void *",
        "size_t",
        koffi.out(koffi.pointer("void *")),
      ]);
    return (name) =>
      new Promise((resolve, reject) => {
        const passwd = {} as Passwd; // filled in by the call
        const result: [unknown] = [null];
        const strings = Buffer.alloc(stringBytes);
        const buffers = [name, strings];
        underWay.add(buffers);
        native.async(name, passwd, strings, strings.length, result, (failure: Error | null, error: number) => {
          underWay.delete(buffers);
          if (failure !== null) reject(failure);
          else resolve({ error, found: result[0] !== null, passwd });
        });
      });
  } catch {
    return null; // Without koffi only the accounts of the file are known; nothing else depends on it.
  }
}

/** Runs at most `places` jobs at a time, the others in the order they came. */
function turnstile(places: number): <T>(job: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (free === 0) await new Promise<void>((go) => waiting.push(go));
    else free--;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Names that mean something to a directory: no controls, no `:` or `/`. Anything else is nobody's. */
const plausible = /^[^\x00-\x20\x7f:/]+$/;

/**
 * Looks accounts up by the system's name service; answers are kept 5 s. Null when that is not to be had here. The promise is
 * rejected when the service says "try again".
 */
export function openNameService(now: () => number = Date.now): ((name: ByteString) => Promise<Account | null>) | null {
  const ask = getpwnam();
  if (ask === null) return null;
  const kept = new Map<ByteString, { readonly until: number; readonly account: Promise<Account | null> }>();
  const turn = turnstile(maxAsked);
  const lookUp = async (name: ByteString): Promise<Account | null> => {
    const { error, found, passwd } = await turn(() => ask(Buffer.concat([toBytes(name), Buffer.of(0)])));
    if (found) {
      const { pw_uid: uid, pw_gid: gid, pw_dir: home } = passwd;
      return { name, uid, gid, home: utf8ToByteString(home ?? "") };
    }
    if (!notFound.has(error)) throw new Error(`the name service cannot look up an account now: errno ${error}`);
    return null;
  };
  return (name) => {
    if (!plausible.test(name)) return Promise.resolve(null);
    const known = kept.get(name);
    if (known !== undefined && known.until > now()) return known.account;
    const account = lookUp(name);
    kept.delete(name);
    kept.set(name, { until: now() + keepMs, account });
    // Trouble is not kept: the next message asks again.
    account.catch(() => kept.delete(name));
    const oldest = kept.keys().next();
    if (kept.size > maxKept && !oldest.done) kept.delete(oldest.value);
    return account;
  };
}
