import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { utf8ToByteString } from "#bytes";
import { UsageError } from "#process";
import { type Account, parsePasswd } from "#users";

const passwdFile = "/etc/passwd";
/** Names that getent(1) takes for one. */
const someAccount = /^[^-:\n][^:\n]*$/;

/** An account by its name: from /etc/passwd, else from wherever else the system keeps accounts (getent(1)). Null if there is none. */
export function findAccount(name: string): Account | null {
  const key = utf8ToByteString(name);
  return parsePasswd(readPasswd(passwdFile)).get(key) ?? parsePasswd(askSystem(name)).get(key) ?? null;
}

/** An account's shell, as the system has it; /bin/sh where it has none. */
export function shellOf(name: string): string {
  const key = `${utf8ToByteString(name)}:`;
  const lineIn = (text: string): string | undefined => text.split("\n").find((line) => line.startsWith(key));
  const shell = (lineIn(readPasswd(passwdFile)) ?? lineIn(askSystem(name)))?.split(":")[6];
  return shell === undefined || shell === "" ? "/bin/sh" : shell;
}

/** What getent(1) says of an account, as lines of a passwd file. */
function askSystem(name: string): string {
  if (!someAccount.test(name)) return "";
  const { stdout, error } = spawnSync("getent", ["passwd", name], { encoding: "latin1" });
  return error === undefined ? stdout : "";
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
