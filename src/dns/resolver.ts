import type { Answer, RecordType } from "dns-packet";
import { type ByteString, fromBytes } from "#bytes";
import { ask } from "./ask.ts";
import { AnswerCache } from "./cache.ts";
import { dnsName } from "./name.ts";
import { maxAliases, readAnswer } from "./read-answer.ts";
import { reverseName } from "./reverse-name.ts";
import type { DnsServer } from "./servers.ts";
import { hasFailed } from "./transport.ts";
import { makeTurnstile } from "./turnstile.ts";

/** What a look-up brought. `values` is never empty. `no-data`: the name exists without such records; `no-name`: NXDOMAIN. */
export type Resolved<T> =
  | { readonly kind: "found"; readonly values: readonly T[] }
  | { readonly kind: "no-data" }
  | { readonly kind: "no-name" }
  | { readonly kind: "temporary"; readonly reason: string };

/** A mail exchanger as the zone lists it: lower preference first; `exchange` in lower case without trailing dot, "" for the null MX (RFC 7505). */
export type Exchanger = { readonly preference: number; readonly exchange: string };

/** Where a service of a domain is (RFC 2782). */
export type ServiceHost = { readonly target: string; readonly port: number };

/** Questions to DNS. Nothing throws: every trouble is `temporary`. Names are taken as absolute; no search list, no /etc/hosts. */
export type Resolver = {
  resolveMx(name: ByteString): Promise<Resolved<Exchanger>>;
  /** A and AAAA together, IPv4 first; found if either is. */
  resolveAddresses(name: ByteString): Promise<Resolved<string>>;
  resolveIpv4(name: ByteString): Promise<Resolved<string>>;
  resolveIpv6(name: ByteString): Promise<Resolved<string>>;
  /** One byte string for each record, its character strings joined (RFC 7208 §3.3). */
  resolveTxt(name: ByteString): Promise<Resolved<ByteString>>;
  /** Services of a name (RFC 2782); `target` in lower case, "" where there is no such service. */
  resolveSrv(name: ByteString): Promise<Resolved<ServiceHost>>;
  /** RFC 6698, as a zone file has it: `3 1 1 0123abcd...`, lower case. Says nothing of DNSSEC. */
  resolveTlsa(name: ByteString): Promise<Resolved<string>>;
  /** Names of an IP address, lower case. An address that is none gives `no-name`. */
  resolvePtr(address: string): Promise<Resolved<string>>;
};

/** What a resolver is made of. `servers` is asked before every question, so that edits are seen. */
export type ResolverParts = {
  readonly servers: () => readonly DnsServer[];
  /** Unix milliseconds, for the cache. */
  readonly now?: () => number;
  /** For tests: how long each round waits for each server. */
  readonly timeoutsMs?: readonly number[];
};

/** Questions under way at once; more wait. Each holds a socket. */
const maxQuestions = 250;
/** A failure is remembered this long, so that a burst of mail to one broken domain asks once (RFC 9520 §3.2). */
const failureSeconds = 5;
/** Records of one answer that are used; no mail domain needs more. */
const maxRecords = 500;

/** Makes a resolver with a cache of its own. It holds nothing open between questions. */
export function makeResolver({ servers, now = Date.now, timeoutsMs }: ResolverParts): Resolver {
  type Records = Resolved<Answer>;
  const cache = new AnswerCache<Records>(now);
  const underWay = new Map<string, Promise<Records>>();
  const turnstile = makeTurnstile(maxQuestions);

  /** Asks, following aliases from reply to reply. */
  async function inquire(name: string, type: RecordType): Promise<{ records: Records; ttlSeconds: number }> {
    let ttlSeconds = Number.POSITIVE_INFINITY;
    let owner = name;
    for (let hops = 0; hops <= maxAliases; ) {
      const reply = await turnstile(() => ask(servers(), { name: owner, type }, timeoutsMs));
      if (hasFailed(reply)) return temporary(reply.failed);
      const reading = readAnswer(reply, owner, type, hops);
      if (reading.kind === "temporary") return temporary(reading.reason);
      ttlSeconds = Math.min(ttlSeconds, reading.ttlSeconds);
      if (reading.kind === "records")
        return { records: { kind: "found", values: reading.records.slice(0, maxRecords) }, ttlSeconds };
      if (reading.kind !== "alias") return { records: { kind: reading.kind }, ttlSeconds };
      const target = dnsName(reading.target);
      if (target === null) return { records: { kind: "no-name" }, ttlSeconds };
      owner = target;
      hops = reading.hops;
    }
    return temporary("too many aliases");
  }

  async function inquireAndRemember(key: string, name: string, type: RecordType): Promise<Records> {
    try {
      const { records, ttlSeconds } = await inquire(name, type);
      cache.set(key, records, ttlSeconds, records.kind === "found" ? textChars(records.values) : 0);
      return records;
    } catch (error) {
      // No descriptor, an unreadable dnsservers file: the next attempt may fare better.
      return { kind: "temporary", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      underWay.delete(key);
    }
  }

  function records(domain: ByteString, type: RecordType): Promise<Records> {
    const name = dnsName(domain);
    if (name === null) return Promise.resolve({ kind: "no-name" });
    const key = `${type} ${name}`;
    const known = cache.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const inquiry = inquireAndRemember(key, name, type);
    underWay.set(key, inquiry);
    return inquiry;
  }

  /** Looks up records and picks from each what is wanted; an answer in which nothing is usable counts as `no-data`. */
  async function look<T>(name: ByteString, type: RecordType, pick: (record: Answer) => T | null): Promise<Resolved<T>> {
    const found = await records(name, type);
    if (found.kind !== "found") return found;
    const values = found.values.map(pick).filter((value) => value !== null);
    return values.length === 0 ? { kind: "no-data" } : { kind: "found", values };
  }

  const resolveIpv4 = (name: ByteString) => look(name, "A", (record) => (record.type === "A" ? record.data : null));
  const resolveIpv6 = (name: ByteString) => look(name, "AAAA", (r) => (r.type === "AAAA" ? r.data : null));
  return {
    resolveIpv4,
    resolveIpv6,
    async resolveAddresses(name) {
      return bothOf(await Promise.all([resolveIpv4(name), resolveIpv6(name)]));
    },
    resolveMx: (name) => look(name, "MX", pickExchanger),
    resolveTxt: (name) => look(name, "TXT", (record) => (record.type === "TXT" ? joinedText(record.data) : null)),
    resolveSrv: (name) => look(name, "SRV", pickService),
    resolveTlsa: (name) => look(name, "TLSA", pickTlsa),
    async resolvePtr(address) {
      const name = reverseName(address);
      if (name === null) return { kind: "no-name" };
      return look(name, "PTR", (record) => (record.type === "PTR" ? dnsName(record.data) : null));
    },
  };
}

function temporary(reason: string): { records: Resolved<Answer>; ttlSeconds: number } {
  return { records: { kind: "temporary", reason }, ttlSeconds: failureSeconds };
}

/** Addresses of either family count most, then trouble, then a name without addresses. */
function bothOf(results: readonly [Resolved<string>, Resolved<string>]): Resolved<string> {
  const values = results.flatMap((result) => (result.kind === "found" ? result.values : []));
  if (values.length > 0) return { kind: "found", values };
  const worst = (kind: "temporary" | "no-data") => results.find((result) => result.kind === kind);
  return worst("temporary") ?? worst("no-data") ?? results[0];
}

function pickExchanger(record: Answer): Exchanger | null {
  if (record.type !== "MX") return null;
  const preference = record.data.preference ?? 0;
  if (record.data.exchange === "." || record.data.exchange === "") return { preference, exchange: "" };
  const exchange = dnsName(record.data.exchange);
  return exchange === null ? null : { preference, exchange };
}

function pickService(record: Answer): ServiceHost | null {
  if (record.type !== "SRV") return null;
  const { target, port } = record.data;
  if (target === "." || target === "") return { target: "", port };
  const name = dnsName(target);
  return name === null ? null : { target: name, port };
}

function pickTlsa(record: Answer): string | null {
  if (record.type !== "TLSA") return null;
  const { usage, selector, matchingType, certificate } = record.data;
  return `${usage} ${selector} ${matchingType} ${certificate.toString("hex")}`;
}

function joinedText(data: string | Buffer | readonly (string | Buffer)[]): ByteString {
  const pieces = typeof data === "string" || Buffer.isBuffer(data) ? [data] : data;
  return pieces.map((piece) => (typeof piece === "string" ? piece : fromBytes(piece))).join("");
}

/** About how many characters of text these records hold, for the cache's account. */
function textChars(records: readonly Answer[]): number {
  return records.reduce((sum, record) => sum + 64 + record.name.length + dataChars(record), 0);
}

function dataChars(record: Answer): number {
  if (!("data" in record)) return 0;
  if (record.type === "TXT") return joinedText(record.data).length;
  return typeof record.data === "string" ? record.data.length : 256;
}
