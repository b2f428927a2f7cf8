import { ControlError, checkHome, type Problem, readText } from "#control";
import { parseAddress } from "#mail";
import { parseTcpRules } from "#net";
import { checkUsers, loadRouting, openUserSources, type Routing, recipientExists } from "#users";

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
  return [...control, ...checkUsers(home), ...(routing === null ? [] : await checkNeeded(home, routing))];
}
