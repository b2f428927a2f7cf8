import type { ByteString } from "#bytes";
import { special, type Token, tokenize } from "./tokens.ts";

/** What short addresses are completed with; tokens, ready to be appended. Made by `qualifiersFrom`. */
export type Qualifiers = {
  /** `@` and defaulthost. */
  readonly host: readonly Token[];
  /** `.` and defaultdomain. */
  readonly domain: readonly Token[];
  /** `.` and plusdomain. */
  readonly plus: readonly Token[];
};

/**
 * The three control values as tokens; or the line that cannot be parsed. An empty defaultdomain adds nothing (in qmail it
 * added a lone dot), so that a machine called `localhost` can keep its name.
 */
export function qualifiersFrom(values: {
  readonly defaultHost: ByteString;
  readonly defaultDomain: ByteString;
  readonly plusDomain: ByteString;
}): Qualifiers | { readonly unparsable: ByteString } {
  const domain = values.defaultDomain === "" ? "" : `.${values.defaultDomain}`;
  const [host, plus] = [`@${values.defaultHost}`, `.${values.plusDomain}`];
  const parsed = { host: tokenize(host), domain: tokenize(domain), plus: tokenize(plus) };
  if (parsed.host === null) return { unparsable: host };
  if (parsed.domain === null) return { unparsable: domain };
  if (parsed.plus === null) return { unparsable: plus };
  return { host: parsed.host, domain: parsed.domain, plus: parsed.plus };
}

type Step = (address: readonly Token[], qualifiers: Qualifiers) => readonly Token[];

/** `@r1,@r2:u@h` becomes `u@h`; a route without its colon leaves nothing. */
const stripRoute: Step = (address) => {
  if (address[0]?.kind !== "at") return address;
  const colon = address.indexOf(special.colon);
  return colon < 0 ? [] : address.slice(colon + 1);
};

const dropLast = (kind: Token["kind"]): Step => {
  return (address) => (address.at(-1)?.kind === kind ? address.slice(0, -1) : address);
};

const addHost: Step = (address, { host }) => (address.includes(special.at) ? address : [...address, ...host]);

const expandPlus: Step = (address, { plus }) => {
  const last = address.at(-1);
  if (last?.kind !== "atom" || !last.text.endsWith("+")) return address;
  return [...address.slice(0, -1), { kind: "atom", text: last.text.slice(0, -1) }, ...plus];
};

const addDomain: Step = (address, { domain }) => {
  for (let i = address.length - 1; i >= 0 && address[i]?.kind !== "at"; i--) {
    const { kind } = address[i]!;
    if (kind === "dot" || kind === "literal") return address;
  }
  return [...address, ...domain];
};

/** Spec 7.5, in its order; an address that has become empty is left alone. */
const steps: readonly Step[] = [stripRoute, dropLast("dot"), dropLast("at"), addHost, expandPlus, addDomain];

/** `x@[]`, which is an address to qmail and to no one else (the double bounce sender `#@[]`). */
function hasEmptyLiteral(address: readonly Token[]): boolean {
  const last = address.at(-1);
  return last?.kind === "literal" && last.text === "" && address.at(-2)?.kind === "at";
}

/**
 * Completes an address by spec 7.5: route stripped, one trailing dot or bare `@` dropped, defaulthost, plusdomain and
 * defaultdomain added where they are missing. `<>` and `x@[]` stay.
 */
export function qualifyAddress(address: readonly Token[], qualifiers: Qualifiers): readonly Token[] {
  if (hasEmptyLiteral(address)) return address;
  let qualified = address;
  for (const step of steps) {
    if (qualified.length === 0) break;
    qualified = step(qualified, qualifiers);
  }
  return qualified;
}
