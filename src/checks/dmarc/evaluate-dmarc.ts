import { type ByteString, lowerAscii } from "#bytes";
import type { Dns } from "../dns.ts";
import type { DmarcPolicy } from "./policy-record.ts";
import { type FoundRecord, organizationalDomain, walkTree } from "./tree-walk.ts";

/** What is known of a message's domains. */
export type DmarcQuestion = {
  /** The domain of From, lower case. */
  readonly author: ByteString;
  /** Domains whose DKIM signature passed. */
  readonly dkim: readonly ByteString[];
  /** The domain SPF passed for (MAIL FROM, or HELO for bounces); null: it passed for none. */
  readonly spf: ByteString | null;
};

/** RFC 9989 §5.3, and what the owner asks for. */
export type DmarcResult = {
  readonly result: "none" | "pass" | "fail" | "temperror";
  readonly why: string;
  /** What the owner wants done with mail that fails, t=y already applied; null without a record. */
  readonly policy: DmarcPolicy | null;
  /** Where the record is; null: there is none. */
  readonly record: FoundRecord | null;
  readonly author: ByteString;
  readonly dkimAligned: boolean;
  readonly spfAligned: boolean;
  /** The identifier that made it pass. */
  readonly alignedBy: ByteString | null;
};

/** Evaluates DMARC for one author domain. */
export async function evaluateDmarc(question: DmarcQuestion, dns: Dns): Promise<DmarcResult> {
  const author = lowerAscii(question.author);
  const without = (result: "none" | "temperror", why: string): DmarcResult => ({
    result,
    why,
    policy: null,
    record: null,
    author,
    dkimAligned: false,
    spfAligned: false,
    alignedBy: null,
  });
  const walk = await walkTree(author, dns);
  if ("kind" in walk) return without("temperror", "no answer from DNS for the policy");
  const organization = organizationalDomain(author, walk);
  const applied = appliedRecord(author, organization, walk);
  if (applied === null) return without("none", "the author's domain publishes no policy");
  const policy = await policyFor(author, applied, dns);
  if (policy === null) return without("none", "the published policy says nothing that can be used");
  const aligned = aligner({ author, organization, walk, dns });
  const dkim = await aligned(question.dkim, applied.record.strictDkim);
  const spf = await aligned(question.spf === null ? [] : [question.spf], applied.record.strictSpf);
  if ((dkim === "temporary" && spf === null) || (spf === "temporary" && dkim === null))
    return without("temperror", "no answer from DNS for an organizational domain");
  const by = [dkim, spf].find((domain) => domain !== null && domain !== "temporary") ?? null;
  return {
    result: by === null ? "fail" : "pass",
    why: by === null ? "neither SPF nor DKIM speaks for the author's domain" : "",
    policy,
    record: applied,
    author,
    dkimAligned: dkim !== null && dkim !== "temporary",
    spfAligned: spf !== null && spf !== "temporary",
    alignedBy: by,
  };
}

/** RFC 9989 §4.10.1: the author's own record, else its organization's, else its public suffix's. */
function appliedRecord(author: ByteString, organization: ByteString, walk: readonly FoundRecord[]): FoundRecord | null {
  const at = (domain: ByteString): FoundRecord | undefined => walk.find((found) => found.domain === domain);
  return at(author) ?? at(organization) ?? walk.find(({ record }) => record.psd === "y") ?? null;
}

/** What the record asks for this author; null: nothing that DMARC could act on. */
async function policyFor(author: ByteString, { domain, record }: FoundRecord, dns: Dns): Promise<DmarcPolicy | null> {
  if (record.p === null || record.hasBadPolicy) return record.reportTo.length > 0 ? "none" : null;
  if (domain === author) return tested(record.p, record.isTesting);
  const forSubdomain = record.np !== null && !(await exists(author, dns)) ? record.np : (record.sp ?? record.p);
  return tested(forSubdomain, record.isTesting);
}

/** t=y: one step less (RFC 9989 §4.7). */
function tested(policy: DmarcPolicy, isTesting: boolean): DmarcPolicy {
  if (!isTesting) return policy;
  return policy === "reject" ? "quarantine" : "none";
}

/** RFC 9989 §3.2.13: a name exists unless DNS says NXDOMAIN. Trouble counts as existing. */
async function exists(domain: ByteString, dns: Dns): Promise<boolean> {
  return (await dns.resolveIpv4(domain)).kind !== "no-name";
}

type Alignment = {
  readonly author: ByteString;
  readonly organization: ByteString;
  readonly walk: readonly FoundRecord[];
  readonly dns: Dns;
};

/** A function that gives the first domain that is aligned (RFC 9989 §4.10.2), null if none is. */
function aligner({ author, organization, dns }: Alignment) {
  const known = new Map<ByteString, ByteString | "temporary">([[author, organization]]);
  const organizationOf = async (domain: ByteString): Promise<ByteString | "temporary"> => {
    const before = known.get(domain);
    if (before !== undefined) return before;
    const walk = await walkTree(domain, dns);
    const found = "kind" in walk ? ("temporary" as const) : organizationalDomain(domain, walk);
    known.set(domain, found);
    return found;
  };
  return async (domains: readonly ByteString[], isStrict: boolean): Promise<ByteString | "temporary" | null> => {
    const lower = [...new Set(domains.map(lowerAscii))];
    if (lower.includes(author)) return author;
    if (isStrict) return null;
    let trouble = false;
    for (const domain of lower) {
      // Only names below the same organization can be of it: no walk for the others.
      if (domain !== organization && !domain.endsWith(`.${organization}`)) continue;
      const other = await organizationOf(domain);
      if (other === organization) return domain;
      if (other === "temporary") trouble = true;
    }
    return trouble ? "temporary" : null;
  };
}
