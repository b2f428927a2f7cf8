import { type ByteString, lowerAscii } from "#bytes";
import type { Dns } from "../dns.ts";
import { type PolicyRecord, parsePolicyRecord } from "./policy-record.ts";

/** A record and the domain that publishes it. */
export type FoundRecord = { readonly domain: ByteString; readonly record: PolicyRecord };

/** What a walk found, from the longest name to the shortest; or that DNS gave no answer on the way. */
export type Walk = readonly FoundRecord[] | { readonly kind: "temporary" };

/** RFC 9989 §4.10: no name costs more than eight questions. */
const labelsAfterFirst = 7;

/** The names that are asked for a domain: itself, then its parents (all, or from the seventh label on). */
export function walkedNames(domain: ByteString): readonly ByteString[] {
  const labels = lowerAscii(domain).replace(/\.$/, "").split(".");
  const parents = labels.slice(Math.max(1, labels.length - labelsAfterFirst));
  return [labels.join("."), ...parents.map((_label, index) => parents.slice(index).join("."))];
}

/** The one record of a name; of several none counts (RFC 9989 §4.10 step 2). */
async function recordOf(domain: ByteString, dns: Dns): Promise<PolicyRecord | null | "temporary"> {
  const found = await dns.resolveTxt(`_dmarc.${domain}`);
  if (found.kind === "temporary") return "temporary";
  const records = (found.kind === "found" ? found.values : [])
    .map(parsePolicyRecord)
    .filter((record) => record !== null);
  return records.length === 1 ? (records[0] ?? null) : null;
}

/** Walks up from a domain until a record says psd=y or psd=n, or nothing is left (RFC 9989 §4.10). */
export async function walkTree(domain: ByteString, dns: Dns): Promise<Walk> {
  const found: FoundRecord[] = [];
  for (const name of walkedNames(domain)) {
    const record = await recordOf(name, dns);
    if (record === "temporary") return { kind: "temporary" };
    if (record === null) continue;
    found.push({ domain: name, record });
    if (record.psd !== "u") break;
  }
  return found;
}

/** The organizational domain a walk from `domain` leads to (RFC 9989 §4.10.2). */
export function organizationalDomain(domain: ByteString, found: readonly FoundRecord[]): ByteString {
  const start = lowerAscii(domain).replace(/\.$/, "");
  const decisive = found.find(
    ({ domain: name, record }) => record.psd === "n" || (record.psd === "y" && name !== start),
  );
  if (decisive === undefined) return found.at(-1)?.domain ?? start;
  if (decisive.record.psd === "n") return decisive.domain;
  const labels = start.split(".");
  return labels.slice(-(decisive.domain.split(".").length + 1)).join(".");
}
