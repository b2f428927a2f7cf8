import { networkInterfaces } from "node:os";
import { utf8ToByteString } from "#bytes";
import { findHome } from "#control";
import { liveServers, makeResolver, type Resolved, type Resolver } from "#dns";
import { type Program, UsageError } from "#process";

/** Lines to print, or how DNS failed. */
type Answer = readonly string[] | "hard error" | "soft error";

const exitCodes = { "hard error": 100, "soft error": 111 } as const;

function valuesOf(found: Resolved<string>): Answer {
  if (found.kind === "temporary") return "soft error";
  return found.kind === "found" ? found.values : "hard error";
}

/** Asks the second question about the first answer of the first. */
async function fullName(host: string, resolver: Resolver): Promise<Answer> {
  const addresses = valuesOf(await resolver.resolveAddresses(utf8ToByteString(host)));
  if (typeof addresses === "string") return addresses;
  return valuesOf(await resolver.resolvePtr(addresses[0] ?? ""));
}

/** Every address of every exchanger with its preference, best first; without MX records the host's own, with 0. */
async function exchangerAddresses(host: string, resolver: Resolver): Promise<Answer> {
  const mx = await resolver.resolveMx(utf8ToByteString(host));
  if (mx.kind === "temporary") return "soft error";
  if (mx.kind === "no-name") return "hard error";
  const exchangers =
    mx.kind === "found"
      ? [...mx.values].sort((a, b) => a.preference - b.preference)
      : [{ preference: 0, exchange: utf8ToByteString(host) }];
  const lines: string[] = [];
  for (const { preference, exchange } of exchangers) {
    const found = valuesOf(await resolver.resolveAddresses(exchange));
    if (found === "soft error") return found;
    if (found !== "hard error") lines.push(...found.map((ip) => `${ip} ${preference}`));
  }
  return lines.length === 0 ? "hard error" : lines;
}

const questions: ReadonlyMap<string, (word: string, resolver: Resolver) => Promise<Answer>> = new Map([
  ["dnsfq", fullName],
  ["dnsip", async (host, resolver) => valuesOf(await resolver.resolveAddresses(utf8ToByteString(host)))],
  ["dnsptr", async (ip, resolver) => valuesOf(await resolver.resolvePtr(ip))],
  ["dnsmxip", exchangerAddresses],
]);

/** The addresses of this machine's interfaces, as `qmail-remote` and `qmail-smtpd` take them for itself. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

/**
 * `dnsfq host`, `dnsip host`, `dnsptr ip`, `dnsmxip host`, `ipmeprint`: what DNS says, and which addresses are ours, one a line (spec
 * 2.20). Exit 100 `hard error`: there is no such thing; 111 `soft error`: no telling now.
 */
export const main: Program = async ({ name, args, env, stdout, stderr }) => {
  if (name === "ipmeprint") {
    stdout.write(
      ownAddresses()
        .map((ip) => `${ip}\n`)
        .join(""),
    );
    return 0;
  }
  const [word] = args;
  const ask = questions.get(name);
  if (word === undefined || ask === undefined) {
    throw new UsageError(`${name}: usage: ${name} ${name === "dnsptr" ? "ip" : "host"}`);
  }
  const answer = await ask(word, makeResolver({ servers: liveServers(findHome(env)) }));
  if (typeof answer === "string") {
    stderr.write(`${answer}\n`);
    return exitCodes[answer];
  }
  stdout.write(answer.map((line) => `${line}\n`).join(""));
  return 0;
};
