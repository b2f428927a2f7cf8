import { findHome, readSetting } from "#control";
import { dnsName, liveServers, makeResolver } from "#dns";
import { errorText } from "#files";
import {
  certificateDigest,
  checkDns,
  type DnsFinding,
  type DomainFacts,
  keyStates,
  neededRecords,
  zoneLine,
} from "#operate";
import { type Program, UsageError } from "#process";

const usage = "usage: quail dns DOMAIN [--check] [--json]";

const marks = { ok: "ok     ", missing: "MISSING", wrong: "WRONG  ", unknown: "unknown" } as const;

/** Everything about a domain that its records follow from. */
function factsOf(home: string, domain: string): DomainFacts {
  const keys = keyStates(home, domain, Math.floor(Date.now() / 1000));
  return {
    domain,
    host: dnsName(readSetting(home, "me") ?? domain) ?? domain,
    dkim: keys.filter(({ state }) => state !== "gone").map(({ record }) => record),
    certificateDigest: certificateDigest(home),
  };
}

function zoneText(facts: DomainFacts): string {
  return neededRecords(facts)
    .map((record) => {
      const line =
        record.type === "TXT"
          ? zoneLine({ name: record.name, text: record.value })
          : `${record.name}. IN ${record.type} ${record.value}`;
      return `; ${record.need}: ${record.why}\n${line}\n`;
    })
    .join("");
}

const findingText = ({ state, need, name, type, says }: DnsFinding): string =>
  `${marks[state]}  ${state === "ok" ? "      " : need.padEnd(6)}  ${name} ${type}: ${says.replace(/[^\x20-\x7e]/g, "?")}\n`;

/**
 * `quail dns DOMAIN`: the DNS records a mail domain needs, as a zone file has them; with `--check` what DNS says of them. Exit code 1: a
 * record that must or should be there is missing or wrong; 111: DNS did not answer, or other trouble.
 */
export const main: Program = async ({ args, env, stdout, stderr }) => {
  const words = args.filter((word) => word !== "--check" && word !== "--json");
  const domain = dnsName(words[0] ?? "");
  if (words.length !== 1 || domain === null || !domain.includes(".")) throw new UsageError(usage);
  const json = args.includes("--json");
  const home = findHome(env);
  try {
    const facts = factsOf(home, domain);
    if (!args.includes("--check")) {
      stdout.write(json ? `${JSON.stringify(neededRecords(facts), null, 2)}\n` : zoneText(facts));
      return 0;
    }
    const findings = await checkDns(facts, makeResolver({ servers: liveServers(home) }));
    stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : findings.map(findingText).join(""));
    const needed = findings.filter(({ need }) => need !== "may");
    if (needed.some(({ state }) => state === "missing" || state === "wrong")) return 1;
    return needed.some(({ state }) => state === "unknown") ? 111 : 0;
  } catch (error) {
    stderr.write(`quail dns: ${errorText(error)}\n`);
    return 111;
  }
};
