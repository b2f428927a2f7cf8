/**
 * What is wrong with users/assign and users/cdb, for `quail check` (gotchas G31, G33, G34): everything that compiles or fails
 * silently and shows only when mail waits.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { lowerAscii } from "#bytes";
import type { Problem } from "#control";
import { errorText } from "#files";
import { type AssignEntry, parseAssign } from "./assign.ts";
import { maxId } from "./assigned.ts";

const found = (line: number | null, level: Problem["level"], reason: string): Problem => ({
  file: "users/assign",
  line,
  level,
  reason,
});

const isId = (text: string): boolean => /^[0-9]{1,10}$/.test(text) && Number(text) <= maxId;

function checkEntry({ line, fields: [, uid, gid, home] }: AssignEntry): readonly Problem[] {
  const problems: Problem[] = [];
  if (!isId(uid)) problems.push(found(line, "error", `has "${uid}" for a uid: its mail waits for ever`));
  else if (Number(uid) === 0) problems.push(found(line, "error", "has uid 0, which gets no mail: it waits for ever"));
  if (!isId(gid)) problems.push(found(line, "error", `has "${gid}" for a gid: its mail waits for ever`));
  if (!home.startsWith("/")) problems.push(found(line, "error", `has the home "${home}", which is no absolute path`));
  return problems;
}

function checkTwice(entries: readonly AssignEntry[]): readonly Problem[] {
  const seen = new Map<string, number>();
  return entries.flatMap(({ form, local, line }) => {
    const key = form + lowerAscii(local);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, line);
    return before === undefined
      ? []
      : [found(line, "warning", `is overruled by line ${before}, which has the same key`)];
  });
}

/** When a file was last written, Unix milliseconds; null if it is not there. */
const writtenMs = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;

function checkAges(home: string, passwd: string): readonly Problem[] {
  const assign = writtenMs(join(home, "users/assign"));
  const cdb = writtenMs(join(home, "users/cdb"));
  const accounts = writtenMs(passwd);
  if (assign === null) return [];
  const problems: Problem[] = [];
  if (cdb === null) problems.push(found(null, "warning", "is not compiled: run qmail-newu"));
  else if (cdb < assign) problems.push(found(null, "warning", "is newer than users/cdb: run qmail-newu"));
  if (accounts !== null && accounts > assign)
    problems.push(found(null, "warning", `is older than ${passwd}: if it comes from there, make it again`));
  return problems;
}

/** Problems of `home`/users in order of lines; none if there is no users/assign. Reads files, changes nothing. */
export function checkUsers(home: string, passwd = "/etc/passwd"): readonly Problem[] {
  let text: string;
  try {
    text = readFileSync(join(home, "users/assign"), "latin1");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return missing ? [] : [found(null, "error", `cannot be read: ${errorText(error)}`)];
  }
  const entries = parseAssign(text);
  if ("kind" in entries)
    return [
      found(entries.line, "error", `is not what qmail-newu takes (expected ${entries.expected}): the old cdb stays`),
    ];
  const problems = [...entries.flatMap(checkEntry), ...checkTwice(entries), ...checkAges(home, passwd)];
  return problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
