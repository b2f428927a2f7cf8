import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { lowerAscii } from "#bytes";
import { ControlError, checkHome, type Problem, readText } from "#control";
import { errorCode, errorText } from "#files";
import { parseAddress } from "#mail";
import { parseTcpRules } from "#net";
import { type AssignEntry, loadRouting, openUserSources, parseAssign, type Routing, recipientExists } from "#users";

const about = (file: string, level: Problem["level"], reason: string, line: number | null = null): Problem => ({
  file,
  line,
  level,
  reason,
});

/** Unreadable files are `checkHome`'s to report. */
function textOf(home: string, name: string): string | null {
  try {
    return readText(home, name);
  } catch (error) {
    if (error instanceof ControlError) return null;
    throw error;
  }
}

function checkTcpRules(home: string): readonly Problem[] {
  const text = textOf(home, "tcp.smtp");
  const rules = text === null ? null : parseTcpRules(text);
  return rules === null || "find" in rules
    ? []
    : [about("control/tcp.smtp", "error", "is no tcprules rule", rules.line)];
}

function checkEntry({ line, fields }: AssignEntry): readonly Problem[] {
  const [, uid, gid, folder] = fields;
  const numbers = /^[0-9]{1,10}$/;
  const found: Problem[] = [];
  const say = (reason: string): number => found.push(about("users/assign", "error", reason, line));
  if (!numbers.test(uid) || !numbers.test(gid)) say("has a uid or gid that is no number");
  else if (Number(uid) === 0) say("belongs to uid 0: deliveries as root are refused, the mail waits");
  if (!folder.startsWith("/")) say(`has the home "${folder}", which is no absolute path`);
  return found;
}

/** Of equal lines the first counts here, other than in control files (spec G31). */
function checkTwice(entries: readonly AssignEntry[]): readonly Problem[] {
  const seen = new Map<string, number>();
  return entries.flatMap(({ form, local, line }) => {
    const key = form + lowerAscii(local);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, line);
    const reason = `never counts: line ${before} has the same address`;
    return before === undefined ? [] : [about("users/assign", "warning", reason, line)];
  });
}

/** users/assign as qmail-newu would take it, and whether users/cdb is what it made of it (spec G33). */
function checkAssign(home: string): readonly Problem[] {
  const path = join(home, "users", "assign");
  const cdb = statSync(join(home, "users", "cdb"), { throwIfNoEntry: false });
  try {
    const entries = parseAssign(readFileSync(path, "latin1"));
    const changed = statSync(path).mtimeMs;
    if ("kind" in entries) {
      const reason = `needs ${entries.expected}; qmail-newu refuses the file and the old users/cdb stays in force`;
      return [about("users/assign", "error", reason, entries.line)];
    }
    const stale = cdb === undefined ? "is missing" : cdb.mtimeMs < changed ? "is older than users/assign" : null;
    const newu = stale === null ? [] : [about("users/cdb", "error", `${stale}: run qmail-newu`)];
    return [...newu, ...entries.flatMap(checkEntry), ...checkTwice(entries)];
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    return [about("users/assign", "error", `unable to read: ${errorText(error)}`)];
  }
}

/** Addresses every host must answer for (RFC 5321 §4.5.1, RFC 2142; spec 5.6, G1). */
const needed = ["postmaster", "mailer-daemon", "root", "abuse"] as const;

/** Which of them would bounce, at the first local domain. Nobody is told off for what we may not see. */
async function checkNeeded(home: string, routing: Routing): Promise<readonly Problem[]> {
  const [domain] = routing.locals.keys();
  if (domain === undefined) return [];
  const sources = openUserSources(home);
  const found: Problem[] = [];
  for (const name of needed) {
    const address = parseAddress(`${name}@${domain}`);
    if (address === null || (await recipientExists(address, routing, sources)) !== "no") continue;
    found.push(about(`alias/.qmail-${name}`, "warning", `is missing: mail for ${name}@${domain} bounces`));
  }
  return found;
}

function routingOf(home: string): Routing | null {
  try {
    return loadRouting(home);
  } catch (error) {
    if (error instanceof ControlError) return null; // Reported by checkHome.
    throw error;
  }
}

/**
 * Everything that can be told to be wrong without sending mail: control files, tcp rules, users/assign, the addresses every host
 * must have. Throws ControlError if control/ itself cannot be read.
 */
export async function checkHouse(home: string): Promise<readonly Problem[]> {
  const control = [...checkHome(home), ...checkTcpRules(home)];
  const routing = routingOf(home);
  return [...control, ...checkAssign(home), ...(routing === null ? [] : await checkNeeded(home, routing))];
}
