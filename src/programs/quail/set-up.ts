/**
 * Setting a home up, as the book's scripts do it: control files from a host name (config-fast), from DNS (config), the addresses every
 * host must have, and taking the place of an installed qmail.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { utf8ToByteString } from "#bytes";
import { type ControlName, controlFile, readLines } from "#control";
import type { Resolver } from "#dns";
import { flockFile } from "#files";
import { changeSetting } from "#operate";

/** Says one line of what is done. */
export type Say = (line: string) => void;

/** A setting that cannot be written for what it says. */
export class SetupError extends Error {}

async function put(home: string, name: ControlName, content: string): Promise<void> {
  mkdirSync(join(home, "control"), { recursive: true, mode: 0o755 });
  const change = { name, file: controlFile(name), content: utf8ToByteString(content), force: false };
  const { written, problems } = await changeSetting(home, change);
  const reason = problems.find(({ level }) => level === "error")?.reason;
  if (!written) throw new SetupError(`${content.trim()} cannot stand in control/${name}: it ${reason}`);
  chmodSync(join(home, "control", name), 0o644);
}

/** Adds an entry to a list, once. */
async function add(home: string, name: "locals" | "rcpthosts", entry: string): Promise<void> {
  const entries = readLines(home, name) ?? [];
  if (!entries.includes(entry)) await put(home, name, [...entries, entry].map((line) => `${line}\n`).join(""));
}

/** `mail.example.com` is in `example.com`; a name of two labels is its own domain. */
const domainOf = (fqdn: string): string => fqdn.replace(/^[^.]+\.(?=[^.]+\.)/, "");
const lastTwo = (fqdn: string): string => fqdn.split(".").slice(-2).join(".");

/** me, defaultdomain and plusdomain of a name. */
async function writeNames(home: string, fqdn: string, say: Say): Promise<void> {
  if (!/^[^\s.]+(\.[^\s.]+)+$/.test(fqdn)) throw new SetupError(`"${fqdn}" is no fully qualified host name`);
  say(`Putting ${fqdn} into control/me...`);
  await put(home, "me", `${fqdn}\n`);
  say(`Putting ${domainOf(fqdn)} into control/defaultdomain...`);
  await put(home, "defaultdomain", `${domainOf(fqdn)}\n`);
  say(`Putting ${lastTwo(fqdn)} into control/plusdomain...`);
  await put(home, "plusdomain", `${lastTwo(fqdn)}\n`);
}

/** config-fast: the five files from a name, each step said. */
export async function configureFast(home: string, fqdn: string, say: Say): Promise<void> {
  say(`Your fully qualified host name is ${fqdn}.`);
  await writeNames(home, fqdn, say);
  say(`Putting ${fqdn} into control/locals...`);
  await add(home, "locals", fqdn);
  say(`Putting ${fqdn} into control/rcpthosts...`);
  await add(home, "rcpthosts", fqdn);
  say(`Now qmail will refuse to accept SMTP messages except to ${fqdn}.`);
  say("Make sure to change rcpthosts if you add hosts to locals or virtualdomains!");
}

/** What config looks at. */
export type Machine = { readonly hostname: string; readonly addresses: readonly string[]; readonly resolver: Resolver };

/** The canonical name: of the first address the host name has. Null and the kind of error if DNS has none. */
async function canonicalName({ hostname, resolver }: Machine): Promise<string | null> {
  const addresses = await resolver.resolveAddresses(utf8ToByteString(hostname));
  if (addresses.kind !== "found") return null;
  const names = await resolver.resolvePtr(addresses.values[0] ?? "");
  return names.kind === "found" ? (names.values[0] ?? null) : null;
}

/** config: the same from DNS, locals from the names of all this machine's addresses. False if DNS does not know this machine. */
export async function configureByDns(home: string, machine: Machine, say: Say): Promise<boolean> {
  say(`Your hostname is ${machine.hostname}.`);
  const fqdn = await canonicalName(machine);
  if (fqdn === null) {
    say("Sorry, I couldn't find your host's canonical name in DNS.");
    say("You will have to set up control/me yourself.");
    return false;
  }
  say(`Your host's fully qualified name in DNS is ${fqdn}.`);
  await writeNames(home, fqdn, say);
  say(" ");
  say("Checking local IP addresses:");
  for (const ip of machine.addresses) {
    const names = await machine.resolver.resolvePtr(ip);
    const found = names.kind === "found" ? names.values : [];
    if (found.length === 0) say(`${ip}: PTR lookup failed. I assume this address has no DNS name.`);
    for (const name of found) {
      say(`${ip}: Adding ${name} to control/locals...`);
      await add(home, "locals", name);
    }
  }
  if (readLines(home, "locals") === null) await add(home, "locals", fqdn);
  say(" ");
  say("If there are any other domain names that point to you,");
  say(`you will have to add them to ${home}/control/locals.`);
  say("You don't have to worry about aliases, i.e., domains with CNAME records.");
  say(" ");
  say(`Copying ${home}/control/locals to ${home}/control/rcpthosts...`);
  for (const entry of readLines(home, "locals") ?? []) await add(home, "rcpthosts", entry);
  say("Now qmail will refuse to accept SMTP messages except to those hosts.");
  say("Make sure to change rcpthosts if you add hosts to locals or virtualdomains!");
  return true;
}

/** Addresses every mail host answers for (RFC 5321 §4.5.1, RFC 2142; gotcha G1). */
const needed = ["postmaster", "mailer-daemon", "root", "abuse"] as const;

/** alias/.qmail-NAME for each of them, and tcp.smtp that lets this machine relay (gotcha G12); what is there stays. */
export function writeAliases(home: string, address: string, say: Say): void {
  if (!/^[^\s@]+(@[^\s@]+)?$/.test(address)) throw new SetupError(`"${address}" is no address`);
  mkdirSync(join(home, "alias"), { recursive: true, mode: 0o755 });
  for (const name of needed) {
    const path = join(home, "alias", `.qmail-${name}`);
    if (existsSync(path)) continue;
    say(`Sending mail for ${name} to ${address}...`);
    writeFileSync(path, `&${address}\n`, { mode: 0o644 });
  }
  const delivery = join(home, "control", "defaultdelivery");
  if (!existsSync(delivery)) {
    say("Putting ./Maildir/ into control/defaultdelivery...");
    writeFileSync(delivery, "./Maildir/\n", { mode: 0o644 });
  }
  const rules = join(home, "control", "tcp.smtp");
  if (existsSync(rules)) return;
  say("Letting this machine relay, in control/tcp.smtp...");
  writeFileSync(rules, '127.:allow,RELAYCLIENT=""\n::1:allow,RELAYCLIENT=""\n:allow\n', { mode: 0o644 });
}

/** True while qmail-send (or our queue) has the queue. */
function isAtWork(home: string): boolean {
  const path = join(home, "queue", "lock", "sendmutex");
  if (!existsSync(path)) return false;
  const fd = openSync(path, "r");
  try {
    return flockFile(fd) === false;
  } finally {
    closeSync(fd);
  }
}

/** Where the book's tcpserver has its rules. */
const classicRules = "/etc/tcp.smtp";

/**
 * Takes the place of an installed qmail: its queue/ and bin/ get other names, tcpserver's rules are copied to control/, everything else
 * is used as it is. Undone by renaming them back. Throws SetupError while qmail-send runs.
 */
export function adopt(home: string, say: Say, tcpRules = classicRules): void {
  if (isAtWork(home)) throw new SetupError(`qmail-send runs on ${home}; stop it first`);
  const moves = ["queue", "bin"].filter((name) => existsSync(join(home, name)));
  for (const name of moves) {
    const target = join(home, `${name}.qmail`);
    if (existsSync(target)) throw new SetupError(`${target} is there already`);
  }
  for (const name of moves) {
    say(`Renaming ${home}/${name} to ${home}/${name}.qmail...`);
    renameSync(join(home, name), join(home, `${name}.qmail`));
  }
  const rules = join(home, "control", "tcp.smtp");
  if (existsSync(tcpRules) && !existsSync(rules)) {
    say(`Copying ${tcpRules} to ${rules}...`);
    copyFileSync(tcpRules, rules);
  }
  say("control, users and alias are used as they are.");
  say(`Messages in the old queue come along with: quail import queue ${home}/queue.qmail`);
  say("To go back, stop Quail and rename both again.");
}
