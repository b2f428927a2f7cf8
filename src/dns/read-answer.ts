import type { Answer, RecordType } from "dns-packet";
import type { Reply } from "./packet.ts";

/** What one reply says about a name: records, an alias to ask for instead, or that there is nothing. */
export type Reading =
  | { readonly kind: "records"; readonly records: readonly Answer[]; readonly ttlSeconds: number }
  | { readonly kind: "alias"; readonly target: string; readonly hops: number; readonly ttlSeconds: number }
  | { readonly kind: "no-data" | "no-name"; readonly ttlSeconds: number }
  | { readonly kind: "temporary"; readonly reason: string };

/** Longest chain of aliases that is followed, over all replies together. Loops end here. */
export const maxAliases = 16;
/** RFC 2308 §5: a day for what is, three hours for what is not. */
const maxTtlSeconds = 86_400;
const maxNegativeTtlSeconds = 10_800;
const noSuchName = 3;

/** RFC 2181 §8: a TTL with the top bit set counts as 0. */
function boundedTtl(ttl: number | undefined): number {
  return ttl === undefined || ttl > 0x7fff_ffff ? 0 : Math.min(ttl, maxTtlSeconds);
}

/** RFC 2308 §5: the lesser of the SOA's own TTL and its minimum field; 0 (do not remember) without a SOA. */
function negativeTtl(authorities: readonly Answer[]): number {
  const soa = authorities.find((record) => record.type === "SOA");
  if (soa?.type !== "SOA") return 0;
  return Math.min(boundedTtl(soa.ttl), boundedTtl(soa.data.minimum), maxNegativeTtlSeconds);
}

const isInternet = (record: Answer): boolean => "class" in record && record.class === "IN";
const ttlOf = (record: Answer): number => boundedTtl("ttl" in record ? record.ttl : undefined);

/** The one alias of a name in a reply. A name has at most one (RFC 1034 §3.6.2); of several the first counts. */
function aliasOf(name: string, answers: readonly Answer[]): Answer | undefined {
  return answers.find((record) => record.type === "CNAME" && isInternet(record) && record.name.toLowerCase() === name);
}

/** A server that names other servers instead of answering does not recurse for us: that says nothing about the name. */
function isReferral(reply: Reply): boolean {
  const types = reply.authorities.map((record) => record.type);
  return types.includes("NS") && !types.includes("SOA");
}

/**
 * Reads a settled reply for `name`. Only records reached from the name count, through aliases in the same reply; whatever
 * else a server adds is ignored. `hops` aliases were followed before.
 */
export function readAnswer(reply: Reply, name: string, type: RecordType, hops: number): Reading {
  let owner = name;
  let ttlSeconds = maxTtlSeconds;
  for (let followed = hops; ; followed++) {
    const records = reply.answers.filter(
      (record) => record.type === type && isInternet(record) && record.name.toLowerCase() === owner,
    );
    if (records.length > 0)
      return { kind: "records", records, ttlSeconds: Math.min(ttlSeconds, ...records.slice(0, 1000).map(ttlOf)) };
    const alias = aliasOf(owner, reply.answers);
    if (alias === undefined) {
      const negative = Math.min(ttlSeconds, negativeTtl(reply.authorities));
      if (reply.rcode === noSuchName) return { kind: "no-name", ttlSeconds: negative };
      if (owner !== name && !reply.authorities.some((record) => record.type === "SOA"))
        return { kind: "alias", target: owner, hops: followed, ttlSeconds };
      if (isReferral(reply)) return { kind: "temporary", reason: "the server does not recurse" };
      return { kind: "no-data", ttlSeconds: negative };
    }
    if (followed >= maxAliases) return { kind: "temporary", reason: "too many aliases" };
    owner = String("data" in alias ? alias.data : "").toLowerCase();
    ttlSeconds = Math.min(ttlSeconds, ttlOf(alias));
  }
}
