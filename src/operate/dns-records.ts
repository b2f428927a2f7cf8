/** The DNS records a mail domain needs, as data: what they say, whether mail suffers without, and why. */
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DkimRecord } from "./dkim-keys.ts";

/** `must`: mail goes astray without; `should`: others trust it less; `may`: programs find us by themselves. */
export type Need = "must" | "should" | "may";

/** One record, as a zone file has it. */
export type NeededRecord = {
  readonly name: string;
  readonly type: "MX" | "TXT" | "SRV" | "TLSA" | "CNAME";
  readonly value: string;
  readonly need: Need;
  readonly why: string;
};

/** What records are made from. */
export type DomainFacts = {
  readonly domain: string;
  /** Our own name (control/me). */
  readonly host: string;
  /** Records of the keys that sign, or will. */
  readonly dkim: readonly DkimRecord[];
  /** SHA-256 of our certificate's public key, hexadecimal; null where it cannot be read. */
  readonly certificateDigest: string | null;
};

/** Ports our clients find by SRV (RFC 6186, RFC 8314); port 0: we have no such service. */
const services = [
  ["_submission._tcp", 587],
  ["_submissions._tcp", 465],
  ["_pop3._tcp", 110],
  ["_pop3s._tcp", 995],
  ["_imap._tcp", 0],
  ["_imaps._tcp", 0],
] as const;

/** The records of a domain, the most needed first. */
export function neededRecords({ domain, host, dkim, certificateDigest }: DomainFacts): readonly NeededRecord[] {
  const txt = (name: string, value: string, need: Need, why: string): NeededRecord => ({
    name,
    type: "TXT",
    value,
    need,
    why,
  });
  return [
    { name: domain, type: "MX", value: `10 ${host}.`, need: "must", why: "where mail for the domain goes" },
    txt(domain, "v=spf1 mx -all", "should", "who may send mail of the domain (RFC 7208)"),
    ...dkim.map(({ name, text }) => txt(name, text, "should", "the public half of a key that signs (RFC 6376)")),
    txt(
      `_dmarc.${domain}`,
      `v=DMARC1; p=quarantine; rua=mailto:postmaster@${domain}`,
      "should",
      "what others do with mail that is not the domain's (RFC 9989)",
    ),
    txt(
      `_smtp._tls.${domain}`,
      `v=TLSRPTv1; rua=mailto:postmaster@${domain}`,
      "may",
      "who tells us of TLS that fails (RFC 8460)",
    ),
    txt(
      `_mta-sts.${domain}`,
      `v=STSv1; id=${policyId(host)}`,
      "may",
      "that others should insist on TLS (RFC 8461); the policy itself is served by a web server",
    ),
    ...(certificateDigest === null
      ? []
      : [
          {
            name: `_25._tcp.${host}`,
            type: "TLSA",
            value: `3 1 1 ${certificateDigest}`,
            need: "may",
            why: "which certificate is ours, for zones with DNSSEC (RFC 7672)",
          } as const,
        ]),
    ...services.map(
      ([service, port]): NeededRecord => ({
        name: `${service}.${domain}`,
        type: "SRV",
        value: port === 0 ? "0 0 0 ." : `0 1 ${port} ${host}.`,
        need: "may",
        why: "where mail programs find the service (RFC 6186)",
      }),
    ),
    {
      name: `autoconfig.${domain}`,
      type: "CNAME",
      value: `${host}.`,
      need: "may",
      why: "where Thunderbird asks for its settings",
    },
  ];
}

/** Changes when the policy does: it names the hosts. */
const policyId = (host: string): string => createHash("sha256").update(host).digest("hex").slice(0, 20);

/** The digest of a TLSA record `3 1 1` for the certificate in control/servercert.pem; null if there is none that we may read. */
export function certificateDigest(home: string): string | null {
  try {
    const key = createPublicKey(readFileSync(join(home, "control", "servercert.pem")));
    return createHash("sha256")
      .update(key.export({ type: "spki", format: "der" }))
      .digest("hex");
  } catch {
    return null; // Not there, not ours to read, or no certificate: `quail cert` and `quail check` speak of that.
  }
}
