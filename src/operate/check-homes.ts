/**
 * What is wrong with the people mail is for: accounts that are no users to qmail, homes and .qmail files that make mail wait or get
 * lost (gotchas G2 to G5, G24, G25, G42).
 */
import { readdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, utf8ToByteString } from "#bytes";
import type { Problem } from "#control";
import { diskPath, errorText } from "#files";
import { adviceOn } from "#local";
import { type Account, parseAssign, parsePasswd } from "#users";

/** Accounts below it belong to the system; their homes are looked at only where mail is told to go there. Debian, RFC-less custom. */
const firstPerson = 1000;
/** `nobody`, and what lies beyond. */
const lastPerson = 65_533;
/** No check shall take longer than a look at so many homes and files. */
const maxHomes = 20_000;
const maxFiles = 50_000;

const writableByOthers = 0o002;
const writableByGroup = 0o020;
const sticky = 0o1000;
const ownerExecute = 0o100;

const warn = (file: string, reason: string, line: number | null = null): Problem => ({
  file,
  line,
  level: "warning",
  reason,
});

function textOf(path: string): ByteString | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null; // Missing or unreadable: others report that.
  }
}

/** Whoever may have mail: people of the passwd file. */
function people(passwd: string): readonly Account[] {
  return [...parsePasswd(textOf(passwd) ?? "").values()].filter(({ uid }) => uid >= firstPerson && uid <= lastPerson);
}

/** Null if it is not there, or not for us to see. */
function look(path: ByteString): Stats | null {
  try {
    return statSync(diskPath(path), { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** Accounts a mail user might be missed under. */
function checkAccount({ name, uid, home }: Account): readonly Problem[] {
  const who = `account ${name}`;
  if (/[A-Z]/.test(name)) return [warn(who, "has upper case in its name: no address ever leads to it (G3)")];
  if (name.length >= 32) return [warn(who, "has a name of 32 characters or more: no address ever leads to it")];
  const stat = look(home);
  if (stat === null) return [warn(who, `has the home ${home}, which is not there: it gets no mail`)];
  return stat.uid === uid ? [] : [warn(who, `does not own its home ${home}: it gets no mail (G2)`)];
}

/** Homes that make mail wait. */
function checkHomeMode(home: ByteString, stat: Stats): readonly Problem[] {
  const shown = home;
  if ((stat.mode & writableByOthers) !== 0)
    return [warn(shown, "is writable by everybody: mail waits until it is not")];
  if ((stat.mode & sticky) !== 0) return [warn(shown, "is sticky: mail waits until it is not")];
  return (stat.mode & writableByGroup) === 0
    ? []
    : [warn(shown, "is writable by its group: whoever is in it can read this mail (G42)")];
}

const isPlainDelivery = (line: string): boolean => /^[|./]/.test(line);

/** One instruction file. */
function checkInstructions(home: ByteString, name: ByteString): readonly Problem[] {
  const path = `${home}/${name}`;
  const shown = path;
  const found: Problem[] = [];
  if (/[A-Z]/.test(name)) found.push(warn(shown, "has upper case in its name: it is never read (G5)"));
  if (name.slice(".qmail".length).includes(".")) {
    const right = `.qmail${name.slice(".qmail".length).replaceAll(".", ":")}`;
    found.push(warn(shown, `has a dot in its name: it is never read; call it ${right} (G4)`));
  }
  const stat = look(path);
  if (stat === null || !stat.isFile()) return found;
  if ((stat.mode & writableByOthers) !== 0)
    found.push(warn(shown, "is writable by everybody: mail waits until it is not"));
  let text: ByteString;
  try {
    text = readFileSync(diskPath(path), "latin1");
  } catch (error) {
    return [...found, warn(shown, `cannot be read by us: ${errorText(error)}`)];
  }
  if ((stat.mode & ownerExecute) !== 0 && text.split("\n").some(isPlainDelivery)) {
    found.push(warn(shown, "has its x bit set, and lines that deliver to files or programs: mail waits"));
  }
  return [...found, ...adviceOn(text).map(({ line, text: words }) => warn(shown, words, line === 0 ? null : line))];
}

/** A home that gets mail, and the instruction files in it. */
function checkOneHome(home: ByteString, left: { files: number }): readonly Problem[] {
  const stat = look(home);
  if (stat === null) return [];
  const found = [...checkHomeMode(home, stat)];
  let names: readonly ByteString[];
  try {
    names = readdirSync(diskPath(home), { encoding: "latin1" }).filter((name) => name.startsWith(".qmail"));
  } catch {
    return found; // Not ours to look into; its owner can run the check.
  }
  for (const name of [...names].sort()) {
    if (left.files-- <= 0) break;
    found.push(...checkInstructions(home, name));
  }
  return found;
}

/** Homes that users/assign names. */
function assignedHomes(home: string): readonly ByteString[] {
  const text = textOf(join(home, "users", "assign"));
  const entries = text === null ? [] : parseAssign(text);
  return "kind" in entries ? [] : entries.map(({ fields }) => fields[3]).filter((path) => path.startsWith("/"));
}

/** Accounts, homes and .qmail files of everybody who may get mail here, alias among them. Looks, changes nothing. */
export function checkHomes(home: string, passwd = "/etc/passwd"): readonly Problem[] {
  const accounts = people(passwd);
  const homes = new Set<ByteString>([utf8ToByteString(join(home, "alias")), ...assignedHomes(home)]);
  for (const account of accounts) if (look(account.home)?.uid === account.uid) homes.add(account.home);
  const left = { files: maxFiles };
  return [
    ...accounts.flatMap(checkAccount),
    ...[...homes].slice(0, maxHomes).flatMap((path) => checkOneHome(path, left)),
  ];
}
