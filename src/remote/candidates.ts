import type { ByteString } from "#bytes";
import type { Exchanger, Resolver } from "#dns";
import { canonicalAddress, literalAddress } from "./literal.ts";
import type { IsOwn } from "./own-addresses.ts";
import type { Route } from "./smtp-route.ts";

/** A place to try. `host` is its name, or its address if it has none. */
export type Candidate = {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly protocol: "smtp" | "qmtp";
};

/** Why there are no (more) places to try. `temporary`: DNS did not say. */
export type Verdict = "exhausted" | "temporary" | "no-such-host" | "no-exchanger" | "self" | "null-mx";

/** What the search needs to know of the world. */
export type Surroundings = {
  readonly resolver: Pick<Resolver, "resolveMx" | "resolveAddresses">;
  readonly isOwn: IsOwn;
  /** 0..1 */
  readonly random: () => number;
};

/** Places of equal preference, best first; then the verdict. */
export type CandidateSearch = AsyncGenerator<readonly Candidate[], Verdict>;

const smtpPort = 25;
const qmtpPort = 209;
/** MXPS: an exchanger of preference 12801 + 16k, k = 0..15, takes QMTP (spec 11.2). */
const mxpsFirst = 12_801;
const mxpsStep = 16;
const mxpsCount = 16;
/** Names and addresses of one destination that are looked at; a list beyond that is an attack. */
const maxExchangers = 64;
const maxAddresses = 32;

/** Fisher and Yates. */
function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

type Addresses =
  | { readonly kind: "found"; readonly candidates: readonly Candidate[] }
  | { readonly kind: "temporary" | "no-such-host" | "no-exchanger" };

/** A host's addresses in random order, IPv4 before IPv6: qmail knows IPv4 only, and nothing should change for its users' peers. */
async function addressesOf(host: ByteString, port: number, { resolver, random }: Surroundings): Promise<Addresses> {
  const literal = literalAddress(host);
  if (literal !== null)
    return { kind: "found", candidates: [{ address: literal, port, host: literal, protocol: "smtp" }] };
  const found = await resolver.resolveAddresses(host);
  if (found.kind === "temporary") return { kind: "temporary" };
  if (found.kind === "no-name") return { kind: "no-such-host" };
  if (found.kind === "no-data") return { kind: "no-exchanger" };
  const addresses = shuffled(found.values.slice(0, maxAddresses).map(canonicalAddress), random);
  const [four, six] = [addresses.filter((each) => !each.includes(":")), addresses.filter((each) => each.includes(":"))];
  return { kind: "found", candidates: [...four, ...six].map((address) => ({ address, port, host, protocol: "smtp" })) };
}

function isMxps(preference: number): boolean {
  const k = (preference - mxpsFirst) / mxpsStep;
  return Number.isInteger(k) && k >= 0 && k < mxpsCount;
}

/** Each place by QMTP first; SMTP is for when that connection does not come about. */
function withQmtp(candidates: readonly Candidate[], port: number): readonly Candidate[] {
  return candidates.flatMap((candidate) => [{ ...candidate, port, protocol: "qmtp" as const }, candidate]);
}

/** A single place by name or literal: a host without MX. */
async function* single(host: ByteString, around: Surroundings): CandidateSearch {
  const found = await addressesOf(host, smtpPort, around);
  if (found.kind !== "found") return found.kind;
  if (found.candidates.some(({ address }) => around.isOwn(address))) return "self";
  yield found.candidates;
  return "exhausted";
}

/** The relay of a route: no MX look-up, no self check. */
async function* relay({ host, port, protocol }: Route & { kind: "relay" }, around: Surroundings): CandidateSearch {
  const found = await addressesOf(host, protocol === "qmtp" ? smtpPort : port, around);
  if (found.kind !== "found") return found.kind;
  yield protocol === "qmtp" ? withQmtp(found.candidates, port) : found.candidates;
  return "exhausted";
}

/** Exchangers of equal preference together, ascending. */
function groupsOf(exchangers: readonly Exchanger[]): readonly (readonly Exchanger[])[] {
  const groups = new Map<number, Exchanger[]>();
  for (const exchanger of [...exchangers].sort((a, b) => a.preference - b.preference).slice(0, maxExchangers)) {
    const group = groups.get(exchanger.preference) ?? [];
    groups.set(exchanger.preference, [...group, exchanger]);
  }
  return [...groups.values()];
}

/**
 * Goes through MX records group by group, resolving a group only when it is wanted. The first group that holds this host ends
 * the search: neither it nor any worse one is used (spec 2.8). DNS trouble with one exchanger matters only when nothing was
 * found at all (then it hides even a self entry: a bounce could be wrong).
 */
async function* exchangers(list: readonly Exchanger[], around: Surroundings): CandidateSearch {
  let found = false;
  let trouble = false;
  for (const group of groupsOf(list)) {
    const names = shuffled(group, around.random).filter(({ exchange }) => exchange !== "");
    const looked = await Promise.all(names.map(({ exchange }) => addressesOf(exchange, smtpPort, around)));
    trouble ||= looked.some(({ kind }) => kind === "temporary");
    const candidates = looked.flatMap((each) => (each.kind === "found" ? each.candidates : []));
    if (candidates.some(({ address }) => around.isOwn(address)))
      return found ? "exhausted" : trouble ? "temporary" : "self";
    if (candidates.length === 0) continue;
    found = true;
    yield isMxps(group[0]?.preference ?? 0) ? withQmtp(candidates, qmtpPort) : candidates;
  }
  return found ? "exhausted" : trouble ? "temporary" : "no-exchanger";
}

/** The places for a host, best first (RFC 5321 §5.1, RFC 7505). */
export async function* findCandidates(host: ByteString, route: Route, around: Surroundings): CandidateSearch {
  if (route.kind === "relay") return yield* relay(route, around);
  if (literalAddress(host) !== null) return yield* single(host, around);
  const mx = await around.resolver.resolveMx(host);
  if (mx.kind === "temporary") return "temporary";
  if (mx.kind === "no-name") return "no-such-host";
  if (mx.kind === "no-data") return yield* single(host, around);
  if (mx.values.every(({ exchange }) => exchange === "")) return "null-mx";
  return yield* exchangers(mx.values, around);
}
