/** What the rest of the world sees of this host: its name in DNS, its SMTP port, and whether it relays for strangers. */
import { Socket } from "node:net";
import { lowerAscii } from "#bytes";
import { ControlError, type Problem, readSetting, readText } from "#control";
import type { Resolver } from "#dns";
import { connectTcp, parseTcpRules, type TcpRules } from "#net";

const connectMs = 5_000;
const greetingMs = 10_000;
/** RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets. */
const maxGreetingChars = 512;
const smtpPort = 25;

/** Addresses nobody has (RFC 5737, RFC 3849): a rule that lets them relay lets everybody. */
const strangers = ["203.0.113.7", "2001:db8::7"] as const;

const about = (file: string, level: Problem["level"], reason: string): Problem => ({ file, line: null, level, reason });

/** What a setting holds, or null where it cannot be read: another check says so. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ControlError) return null;
    throw error;
  }
}

function rulesOf(home: string): TcpRules | null {
  const text = attempt(() => readText(home, "tcp.smtp"));
  const rules = text === null ? null : parseTcpRules(text);
  return rules !== null && "find" in rules ? rules : null;
}

const mayRelay = (rules: TcpRules | null, ip: string): boolean =>
  rules?.find({ ip }).changes.some(([name, value]) => name === "RELAYCLIENT" && value !== null) ?? false;

/** Relaying, as far as control/tcp.smtp rules it (gotchas G12, G14). */
export function checkRelayRules(home: string): readonly Problem[] {
  const rules = rulesOf(home);
  const open = strangers.filter((ip) => mayRelay(rules, ip));
  const found: Problem[] = [];
  if (open.length > 0) {
    found.push(about("control/tcp.smtp", "error", "sets RELAYCLIENT for any client: this host is an open relay"));
  }
  if (!mayRelay(rules, "127.0.0.1")) {
    found.push(
      about("control/tcp.smtp", "warning", 'does not let this machine relay: 127.:allow,RELAYCLIENT="" would (G12)'),
    );
  }
  return found;
}

/** The first line an SMTP server says; null if it says none in time. */
function greetingOf(socket: Socket): Promise<string | null> {
  return new Promise((done) => {
    let text = "";
    const settle = (greeting: string | null): void => {
      clearTimeout(late);
      socket.end("QUIT\r\n");
      socket.on("error", () => {});
      done(greeting);
    };
    const late = setTimeout(() => settle(null), greetingMs);
    socket.setEncoding("latin1");
    socket.once("error", () => settle(null));
    socket.once("close", () => settle(null));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n") || text.length > maxGreetingChars) settle(text.split("\r")[0] ?? "");
    });
  });
}

/** Does somebody answer there, and is it us? */
async function checkPort(me: string, ip: string, port: number, greeting: string): Promise<Problem | null> {
  const at = `port ${port} of ${me} (${ip})`;
  const socket = await connectTcp({ host: ip, port }, connectMs);
  if (!(socket instanceof Socket)) {
    return about(
      "control/me",
      "warning",
      `${at} cannot be reached from here (${socket.reason}): is SMTP running there?`,
    );
  }
  const said = await greetingOf(socket);
  socket.destroy();
  if (said === null) return about("control/me", "warning", `${at} takes connections, and says nothing`);
  const [code, name = ""] = said.split(/[ -]/);
  const isOurs = code === "220" && lowerAscii(name) === lowerAscii(greeting.split(" ")[0] ?? "");
  return isOurs ? null : about("control/me", "warning", `${at} is somebody else: it says "${said}"`);
}

/** How this host is looked at from outside. */
export type NetworkView = { readonly resolver: Resolver; readonly port?: number };

/** Names a trial runs under, which no DNS knows. */
const isPrivate = (name: string): boolean => lowerAscii(name) === "localhost" || !name.includes(".");

/** DNS of control/me, and the SMTP port at the addresses it has. Asks DNS, and connects to this host; sends no mail. */
export async function checkNetwork(
  home: string,
  { resolver, port = smtpPort }: NetworkView,
): Promise<readonly Problem[]> {
  const me = attempt(() => readSetting(home, "me"));
  if (me === null) return [];
  if (isPrivate(me)) {
    return [
      about("control/me", "warning", `${me} is no name other hosts can find: mail from outside does not come here`),
    ];
  }
  const addresses = await resolver.resolveAddresses(me);
  if (addresses.kind === "temporary") return [about("control/me", "warning", `DNS does not say now where ${me} is`)];
  if (addresses.kind !== "found") {
    return [about("control/me", "error", `DNS has no address for ${me}: other hosts cannot send mail here`)];
  }
  const greeting = attempt(() => readSetting(home, "smtpgreeting")) ?? me;
  const found: Problem[] = [];
  for (const ip of addresses.values) {
    const names = await resolver.resolvePtr(ip);
    if (names.kind === "no-name" || names.kind === "no-data") {
      found.push(about("control/me", "warning", `${ip} has no name in DNS: many hosts refuse its mail`));
    } else if (names.kind === "found" && !names.values.includes(lowerAscii(me))) {
      const reason = `${ip} is called ${names.values[0]} in DNS, not ${me}: some hosts refuse its mail`;
      found.push(about("control/me", "warning", reason));
    }
    const problem = await checkPort(me, ip, port, greeting);
    if (problem !== null) found.push(problem);
  }
  return found;
}
