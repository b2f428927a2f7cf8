import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { utf8ToByteString } from "#bytes";
import { UsageError } from "#process";
import { type Account, parsePasswd } from "#users";

const someAccount = /^[^-:\n][^:\n]*$/;

/** An account by its name: from /etc/passwd, else from wherever else the system keeps accounts (getent(1)). Null if there is none. */
export function findAccount(name: string, passwdFile = "/etc/passwd"): Account | null {
  const key = utf8ToByteString(name);
  const local = parsePasswd(readPasswd(passwdFile)).get(key);
  if (local !== undefined) return local;
  if (!someAccount.test(name)) return null;
  const { stdout, error } = spawnSync("getent", ["passwd", name], { encoding: "latin1" });
  return error === undefined ? (parsePasswd(stdout).get(key) ?? null) : null;
}

function readPasswd(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // Not to be read: then nobody is known by it.
  }
}

/** The account, or the classic complaint. */
export function needAccount(program: string, name: string): Account {
  const account = findAccount(name);
  if (account === null) throw new UsageError(`${program}: fatal: unknown account ${name}`, 111);
  return account;
}
