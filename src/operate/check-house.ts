import { existsSync } from "node:fs";
import { join } from "node:path";
import { utf8ToByteString } from "#bytes";
import { ControlError, checkHome, type Problem, readText } from "#control";
import { parseAddress } from "#mail";
import { parseTcpRules } from "#net";
import { checkUsers, findUser, loadRouting, openUserSources, type Routing, recipientExists } from "#users";
import { askQueue } from "./ask-queue.ts";
import { secrets } from "./change-setting.ts";
import { checkHomes } from "./check-homes.ts";
import { checkInstall, isQueueRemote } from "./check-install.ts";
import { checkNetwork, checkRelayRules, type NetworkView } from "./check-network.ts";
import { findRunning } from "./running-house.ts";
import { checkSecrets } from "./secrets.ts";

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

/** The accounts of this machine, or those of one file alone. */
const sourcesOf = (home: string, passwd: string | undefined) =>
  openUserSources(home, passwd === undefined ? {} : { passwd, nameService: null });

/** Mail nobody claims goes to alias; without that account it waits for ever. */
async function checkAlias(home: string, passwd: string | undefined): Promise<readonly Problem[]> {
  // No account has a name of 32 characters, so this asks who gets what nobody claims.
  const found = await findUser("x".repeat(32), sourcesOf(home, passwd));
  const isMissing = found.kind === "outcome" && found.outcome.text.includes("Unable to find alias user!");
  const reason = "is missing, and users/assign has no line for what nobody claims: such mail waits for ever";
  return isMissing ? [about("account alias", "error", reason)] : [];
}

/** Whose default delivery it is: qmail's own would be ./Mailbox, given to qmail-start. */
function checkDefaultDelivery(home: string): readonly Problem[] {
  const reason = "is missing: users without a .qmail file get ./Maildir/ (qmail's start scripts name their own)";
  return existsSync(join(home, "control", "defaultdelivery"))
    ? []
    : [about("control/defaultdelivery", "warning", reason)];
}

/** A queue that is well answers at once. */
const answerMs = 5_000;

/** Is mail moving at all? A start, or a queue that does not answer, is the first thing to look at when it is not (spec 12.4). */
async function checkAtWork(home: string): Promise<readonly Problem[]> {
  if (findRunning(home) === null) {
    return [about("run", "warning", "says that no Quail is running: mail waits in queue/drop until one is")];
  }
  const answer = await askQueue(home, { verb: "metrics" }, answerMs);
  // The owner's and root's business alone; anybody else is turned away at the socket.
  if (answer.ok || answer.error.includes("EACCES")) return [];
  return [about("run/queue-admin", "error", `does not answer, though Quail runs: ${answer.error}`)];
}

/** What is looked at beside the files of the home; a test says otherwise. */
export type CheckScope = {
  /** null: ask nobody outside this machine. */
  readonly network: NetworkView | null;
  readonly passwd?: string;
};

/**
 * `quail check`: everything of `checkHouse`, and the installation's owners and modes, the accounts, homes and .qmail files of everybody
 * who gets mail, who may relay, limits, and how DNS and the SMTP port look from here. Changes nothing, sends no mail.
 */
export async function checkAll(home: string, { network, passwd }: CheckScope): Promise<readonly Problem[]> {
  const install = checkInstall(home).map(({ path, flaw }) =>
    about(utf8ToByteString(path), flaw === "does not exist" ? "error" : "warning", flaw),
  );
  const remote = isQueueRemote(home)
    ? [about("queue", "error", "is on a network file system: a crash there may lose mail (G36)")]
    : [];
  return [
    ...install,
    ...remote,
    ...(await checkAtWork(home)),
    ...(await checkHouse(home, passwd)),
    ...checkRelayRules(home),
    ...checkDefaultDelivery(home),
    ...checkSecrets(home, [...secrets]),
    ...(await checkAlias(home, passwd)),
    ...checkHomes(home, passwd),
    ...(network === null ? [] : await checkNetwork(home, network)),
  ];
}

/** Addresses every host must answer for (RFC 5321 §4.5.1, RFC 2142; spec 5.6, G1). */
const needed = ["postmaster", "mailer-daemon", "root", "abuse"] as const;

/** Which of them would bounce, at the first local domain. Nobody is told off for what we may not see. */
async function checkNeeded(home: string, routing: Routing, passwd?: string): Promise<readonly Problem[]> {
  const [domain] = routing.locals.keys();
  if (domain === undefined) return [];
  const sources = sourcesOf(home, passwd);
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
 * must have. Throws ControlError if control/ itself cannot be read. `passwd`: another passwd file than the system's.
 */
export async function checkHouse(home: string, passwd?: string): Promise<readonly Problem[]> {
  const control = [...checkHome(home), ...checkTcpRules(home)];
  const routing = routingOf(home);
  const needs = routing === null ? [] : await checkNeeded(home, routing, passwd);
  return [...control, ...checkUsers(home, passwd), ...needs];
}
