/*
 * check_host() of RFC 7208: may this address send mail for this domain? All look-ups that a record causes are counted: ten terms that
 * ask DNS (§4.6.4), two answers that are empty, ten names of an MX or PTR. What was counted in an included record counts for all.
 */
import { BlockList, isIPv4 } from "node:net";
import { type ByteString, lowerAscii } from "#bytes";
import { plainIp } from "#net";
import type { Dns, Resolved } from "../dns.ts";
import { expandMacros, type MacroValues } from "./macros.ts";
import {
  type Directive,
  isMacroString,
  isSpfRecord,
  type Mechanism,
  parseSpfRecord,
  type SpfRecord,
} from "./record.ts";

/** RFC 7208 §2.6. */
export type SpfWord = "none" | "neutral" | "pass" | "fail" | "softfail" | "temperror" | "permerror";

export type SpfResult = {
  readonly result: SpfWord;
  /** Why, in a few words: the mechanism that matched, or what is wrong. */
  readonly why: string;
  /** The domain's own words for a fail (exp=); null where it has none. */
  readonly explanation: ByteString | null;
};

/** Who asks for what. `sender` is a whole address. */
export type SpfQuestion = {
  readonly ip: string;
  readonly domain: ByteString;
  readonly sender: ByteString;
  readonly helo: ByteString;
  /** Our own name. */
  readonly receiver: ByteString;
  readonly nowSeconds: number;
};

const maxTermsThatAsk = 10;
const maxVoidAnswers = 2;
const maxNames = 10;
const maxNameOctets = 253;
const maxLabelOctets = 63;

/** Counts for one whole check, shared by included and redirected records. */
type Count = { terms: number; voids: number };

/** Ends an evaluation at once, with an error for its result. */
class Stop extends Error {
  readonly result: "temperror" | "permerror";
  constructor(result: "temperror" | "permerror", why: string) {
    super(why);
    this.result = result;
  }
}

/** Whether DNS can be asked for a name: labels of 1 to 63 octets, 253 in all, a dot in it (RFC 7208 §4.3). */
function isAskable(domain: ByteString): boolean {
  const name = domain.endsWith(".") ? domain.slice(0, -1) : domain;
  if (name.length > maxNameOctets || !name.includes(".") || /[^\x20-\x7e\x80-\xff]/.test(name)) return false;
  return name.split(".").every((label) => label.length > 0 && label.length <= maxLabelOctets);
}

/** Checks a domain. Never throws for what DNS or a record says. */
export async function checkHost(question: SpfQuestion, dns: Dns): Promise<SpfResult> {
  // An IPv4 client on an IPv6 socket is an IPv4 client (RFC 7208 §5); the readable form of an address is in lower case.
  const ip = plainIp(question.ip).toLowerCase();
  try {
    return await evaluate({ ...question, ip }, dns, { terms: 0, voids: 0 });
  } catch (error) {
    if (error instanceof Stop) return { result: error.result, why: error.message, explanation: null };
    throw error;
  }
}

async function evaluate(question: SpfQuestion, dns: Dns, count: Count, isIncluded = false): Promise<SpfResult> {
  const { domain } = question;
  if (!isAskable(domain) || domain.startsWith("[")) return none("no domain to ask for");
  const record = await fetchRecord(domain, dns);
  if (record === null) return none(`${domain} publishes no policy`);
  const evaluation: Evaluation = { question, dns, count, values: macroValues(question, dns, count) };
  for (const directive of record.directives) {
    if (!(await matches(directive.mechanism, evaluation))) continue;
    const why = shown(directive);
    if (directive.qualified !== "fail" || isIncluded) return { result: directive.qualified, why, explanation: null };
    return { result: "fail", why, explanation: await explain(record, evaluation) };
  }
  if (record.redirect === null) return { result: "neutral", why: "nothing in the policy matches", explanation: null };
  countTerm(count);
  const target = await targetOf(record.redirect, evaluation);
  const redirected = await evaluate({ ...question, domain: target }, dns, count, isIncluded);
  if (redirected.result === "none") throw new Stop("permerror", "redirect to a domain without a policy");
  return redirected;
}

const none = (why: string): SpfResult => ({ result: "none", why, explanation: null });

/** Everything a mechanism works with. */
type Evaluation = {
  readonly question: SpfQuestion;
  readonly dns: Dns;
  readonly count: Count;
  readonly values: MacroValues;
};

/** The one record of a domain (RFC 7208 §4.4, §4.5); null if there is none. */
async function fetchRecord(domain: ByteString, dns: Dns): Promise<SpfRecord | null> {
  const found = await dns.resolveTxt(domain);
  if (found.kind === "temporary") throw new Stop("temperror", `no answer from DNS for ${domain}`);
  const records = found.kind === "found" ? found.values.filter(isSpfRecord) : [];
  if (records.length > 1) throw new Stop("permerror", `${domain} publishes more than one policy`);
  const [text] = records;
  if (text === undefined) return null;
  const record = parseSpfRecord(text);
  if (record === null) throw new Stop("permerror", `the policy of ${domain} is malformed`);
  return record;
}

function countTerm(count: Count): void {
  if (++count.terms > maxTermsThatAsk) throw new Stop("permerror", "the policy asks DNS too often");
}

/** What was found; an empty answer counts against the limit of void look-ups (RFC 7208 §4.6.4). */
function foundOf<T>(answer: Resolved<T>, name: ByteString, count: Count): readonly T[] {
  if (answer.kind === "temporary") throw new Stop("temperror", `no answer from DNS for ${name}`);
  if (answer.kind === "found") return answer.values;
  if (++count.voids > maxVoidAnswers) throw new Stop("permerror", "the policy names too many things that do not exist");
  return [];
}

function macroValues(question: SpfQuestion, dns: Dns, count: Count): MacroValues {
  const { ip, domain, helo, receiver, nowSeconds } = question;
  const at = question.sender.lastIndexOf("@");
  const sender = at <= 0 ? `postmaster@${at < 0 ? domain : question.sender.slice(1)}` : question.sender;
  const validatedName = async (): Promise<ByteString> => {
    const names = await validatedNames(question, dns, count);
    const own = names.find((name) => name === lowerAscii(domain)) ?? names.find((name) => isBelow(name, domain));
    return own ?? names[0] ?? "unknown";
  };
  return { sender, ip, helo, domain, receiver, nowSeconds, validatedName };
}

/** A target-name: the domain-spec expanded, cut from the left to what DNS can be asked for (RFC 7208 §7.3). */
async function targetOf(spec: ByteString | null, { question, values }: Evaluation): Promise<ByteString> {
  if (spec === null) return question.domain;
  let name = await expandMacros(spec, values);
  if (name.endsWith(".")) name = name.slice(0, -1);
  while (name.length > maxNameOctets && name.includes(".")) name = name.slice(name.indexOf(".") + 1);
  return name;
}

async function matches(mechanism: Mechanism, evaluation: Evaluation): Promise<boolean> {
  const { question, dns, count } = evaluation;
  const { ip } = question;
  switch (mechanism.kind) {
    case "all":
      return true;
    case "ip4":
    case "ip6":
      return isWithin(ip, mechanism.network, mechanism.bits);
    case "include":
      return includes(mechanism.target, evaluation);
    case "a": {
      countTerm(count);
      return isHostOf(await targetOf(mechanism.target, evaluation), mechanism, evaluation);
    }
    case "mx":
      return isExchangerOf(mechanism, evaluation);
    case "exists": {
      countTerm(count);
      const name = await targetOf(mechanism.target, evaluation);
      // Always A, whatever the client speaks (RFC 7208 §5.7).
      return isAskable(name) && foundOf(await dns.resolveIpv4(name), name, count).length > 0;
    }
    case "ptr": {
      countTerm(count);
      const target = await targetOf(mechanism.target, evaluation);
      const names = await validatedNames(question, dns, count);
      return names.some((name) => name === lowerAscii(target) || isBelow(name, target));
    }
  }
}

/** RFC 7208 §5.2. */
async function includes(spec: ByteString, evaluation: Evaluation): Promise<boolean> {
  const { question, dns, count } = evaluation;
  countTerm(count);
  const domain = await targetOf(spec, evaluation);
  const { result } = await evaluate({ ...question, domain }, dns, count, true);
  if (result === "none") throw new Stop("permerror", `${domain} is included and publishes no policy`);
  return result === "pass";
}

type Prefixes = { readonly bits4: number; readonly bits6: number };

async function isHostOf(name: ByteString, prefixes: Prefixes, evaluation: Evaluation): Promise<boolean> {
  if (!isAskable(name)) return false;
  const { question, dns, count } = evaluation;
  const [answer, bits] = isIPv4(question.ip)
    ? [await dns.resolveIpv4(name), prefixes.bits4]
    : [await dns.resolveIpv6(name), prefixes.bits6];
  return foundOf(answer, name, count).some((address) => isWithin(question.ip, address, bits));
}

async function isExchangerOf(mechanism: Extract<Mechanism, { kind: "a" | "mx" }>, evaluation: Evaluation) {
  const { question, dns, count } = evaluation;
  countTerm(count);
  const name = await targetOf(mechanism.target, evaluation);
  if (!isAskable(name)) return false;
  const exchangers = foundOf(await dns.resolveMx(name), name, count);
  if (exchangers.length > maxNames) throw new Stop("permerror", `${name} has too many mail exchangers`);
  const [ask, bits] = isIPv4(question.ip)
    ? [dns.resolveIpv4, mechanism.bits4]
    : ([dns.resolveIpv6, mechanism.bits6] as const);
  for (const { exchange } of exchangers) {
    if (!isAskable(exchange)) continue;
    const answer = await ask(exchange);
    if (answer.kind === "temporary") throw new Stop("temperror", `no answer from DNS for ${exchange}`);
    if (answer.kind === "found" && answer.values.some((address) => isWithin(question.ip, address, bits))) return true;
  }
  return false;
}

/** Names of the client that lead back to it (RFC 7208 §5.5), ten at most. Trouble here means no name, no error. */
async function validatedNames({ ip }: SpfQuestion, dns: Dns, count: Count): Promise<readonly ByteString[]> {
  const answer = await dns.resolvePtr(ip);
  if (answer.kind === "temporary") return [];
  const names: ByteString[] = [];
  for (const name of foundOf(answer, ip, count).slice(0, maxNames)) {
    const back = isIPv4(ip) ? await dns.resolveIpv4(name) : await dns.resolveIpv6(name);
    if (back.kind === "found" && back.values.some((address) => isWithin(ip, address, isIPv4(ip) ? 32 : 128)))
      names.push(lowerAscii(name));
  }
  return names;
}

const isBelow = (name: ByteString, domain: ByteString): boolean => name.endsWith(`.${lowerAscii(domain)}`);

function isWithin(ip: string, network: string, bits: number): boolean {
  const family = isIPv4(ip) ? "ipv4" : "ipv6";
  if (isIPv4(network) !== isIPv4(ip)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(ip, family);
}

/** The sender's domain speaks (RFC 7208 §6.2); any trouble on the way means that it says nothing. */
async function explain(record: SpfRecord, evaluation: Evaluation): Promise<ByteString | null> {
  if (record.explanation === null) return null;
  const name = await targetOf(record.explanation, evaluation);
  if (!isAskable(name)) return null;
  const found = await evaluation.dns.resolveTxt(name);
  const [text, ...more] = found.kind === "found" ? found.values : [];
  if (text === undefined || more.length > 0 || /[^\x20-\x7e]/.test(text) || !isMacroString(text)) return null;
  return expandMacros(text, evaluation.values);
}

const signs = { pass: "", fail: "-", softfail: "~", neutral: "?" } as const;

/** A directive as it stands in the record, about. */
function shown({ qualified, mechanism }: Directive): string {
  return `${signs[qualified]}${mechanism.kind}${shownTarget(mechanism)}`;
}

function shownTarget(mechanism: Mechanism): string {
  if (mechanism.kind === "all") return "";
  if ("network" in mechanism) return `:${mechanism.network}/${mechanism.bits}`;
  return mechanism.target === null ? "" : `:${mechanism.target}`;
}
