/*
 * All proofs of one message in two steps: its header tells what has to be hashed (`inspectHeader`), then the body goes by, then
 * DNS is asked (`finish`). Nothing of the body is kept.
 */
import { isIP } from "node:net";
import { type ByteString, lowerAscii } from "#bytes";
import { plainIp } from "#net";
import { type ArcResult, arcForms, readChain, verifyArc } from "./arc/verify-arc.ts";
import { authorDomains } from "./author-domains.ts";
import { BodyHashes } from "./dkim/body-hashes.ts";
import { bodyForms, type DkimResult, dkimSignatures, verifyDkim } from "./dkim/verify-dkim.ts";
import { type DmarcResult, evaluateDmarc } from "./dmarc/evaluate-dmarc.ts";
import { boundedDns, type Dns } from "./dns.ts";
import { type HeaderField, headerFields } from "./header-fields.ts";
import { checkHost, type SpfResult } from "./spf/check-host.ts";

/** Who handed the message in, as our server met them. */
export type Sender = {
  readonly ip: string;
  readonly helo: ByteString;
  /** MAIL FROM; "" for a bounce. */
  readonly reversePath: ByteString;
};

/** Everything that was found out. Null: that check is off. */
export type Proof = {
  readonly sender: Sender;
  readonly spf: (SpfResult & { readonly identity: "mailfrom" | "helo"; readonly domain: ByteString }) | null;
  readonly dkim: readonly DkimResult[] | null;
  readonly arc: ArcResult | null;
  /** For each author's domain, the one with the worst news first; empty without an author. */
  readonly dmarc: readonly DmarcResult[] | null;
};

/** Which checks are on. DMARC needs the other two, and has them made without their word counting by itself. */
export type Checks = { readonly spf: boolean; readonly dkim: boolean; readonly dmarc: boolean; readonly arc: boolean };

export type Circumstances = {
  readonly sender: Sender;
  readonly checks: Checks;
  readonly dns: Dns;
  /** Our own name. */
  readonly receiver: ByteString;
  readonly nowSeconds: number;
};

/**
 * Questions one message may cost: SPF 10 terms with up to 10 names each would be 111 (RFC 7208 §4.6.4), ten keys, fifty seals, walks.
 * RFC 7208 §4.6.4 wants at least 20 s for SPF alone.
 */
const dnsLimits = { maxQuestions: 250, withinMs: 25_000 } as const;
/** Authors whose policies are asked for. */
const maxAuthors = 3;

/** A message under inspection. */
export type Inspection = {
  readonly fields: readonly HeaderField[];
  /** The next octets of the body: what follows the empty line. */
  body(bytes: Buffer): void;
  /** After the last octet. Never throws for what peers or DNS say. */
  finish(circumstances: Circumstances): Promise<Proof>;
};

/** Reads a header (LF form, without the empty line) and gets ready for its body. */
export function inspectHeader(header: Buffer): Inspection {
  const fields = headerFields(header);
  const signatures = dkimSignatures(fields);
  const chain = readChain(fields);
  const bodies = new BodyHashes([...bodyForms(signatures), ...arcForms(chain)]);
  return {
    fields,
    body: (bytes) => bodies.push(bytes),
    async finish({ sender, checks, dns: given, receiver, nowSeconds }) {
      const dns = boundedDns(given, dnsLimits);
      const [spf, dkim, arc] = await Promise.all([
        checks.spf || checks.dmarc ? checkSender(sender, dns, receiver, nowSeconds) : null,
        checks.dkim || checks.dmarc ? verifyDkim(signatures, fields, bodies, dns, nowSeconds) : null,
        checks.arc ? verifyArc(chain, fields, bodies, dns, nowSeconds) : null,
      ]);
      const dmarc = checks.dmarc ? await evaluateAuthors(authorDomains(fields), spf, dkim ?? [], dns) : null;
      return { sender, spf, dkim, arc, dmarc };
    },
  };
}

/** MAIL FROM's domain, or HELO's where the reverse-path is null (RFC 7208 §2.4). */
async function checkSender(sender: Sender, dns: Dns, receiver: ByteString, nowSeconds: number): Promise<Proof["spf"]> {
  const ip = plainIp(sender.ip);
  const identity = sender.reversePath.includes("@") ? "mailfrom" : "helo";
  const address = identity === "mailfrom" ? sender.reversePath : `postmaster@${sender.helo}`;
  const domain = lowerAscii(address.slice(address.lastIndexOf("@") + 1));
  if (isIP(ip) === 0) return { result: "none", why: "no client address", explanation: null, identity, domain };
  const result = await checkHost({ ip, domain, sender: address, helo: sender.helo, receiver, nowSeconds }, dns);
  return { ...result, identity, domain };
}

/** Worst first: what fails, then what could not be told, then the rest. */
const badness = { fail: 0, temperror: 1, none: 2, pass: 3 } as const;
const severity = { reject: 0, quarantine: 1, none: 2 } as const;

async function evaluateAuthors(
  authors: readonly string[],
  spf: Proof["spf"],
  dkim: readonly DkimResult[],
  dns: Dns,
): Promise<readonly DmarcResult[]> {
  const signed = dkim.filter(({ result, isTesting }) => result === "pass" && !isTesting).map(({ domain }) => domain);
  const sent = spf?.result === "pass" ? spf.domain : null;
  const results: DmarcResult[] = [];
  for (const author of authors.slice(0, maxAuthors))
    results.push(await evaluateDmarc({ author, dkim: signed, spf: sent }, dns));
  return results.sort(
    (a, b) => badness[a.result] - badness[b.result] || severity[a.policy ?? "none"] - severity[b.policy ?? "none"],
  );
}
