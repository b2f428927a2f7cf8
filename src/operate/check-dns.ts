/** Compares what DNS says about a mail domain with what it should. Only asks; every answer is a value. */
import { checkHost, isSpfRecord, parsePolicyRecord, parseSpfRecord } from "#checks";
import type { Resolved, Resolver } from "#dns";
import type { DomainFacts, Need, NeededRecord } from "./dns-records.ts";
import { neededRecords } from "./dns-records.ts";

/** What is wrong, or that it is right. `unknown`: DNS gave no answer. */
export type DnsFinding = {
  readonly name: string;
  readonly type: string;
  readonly state: "ok" | "missing" | "wrong" | "unknown";
  readonly need: Need;
  /** One sentence without its dot. */
  readonly says: string;
};

type About =
  | Pick<NeededRecord, "name" | "type" | "need">
  | { readonly name: string; readonly type: string; readonly need: Need };

const finding = (about: About, state: DnsFinding["state"], says: string): DnsFinding => ({
  name: about.name,
  type: about.type,
  need: about.need,
  state,
  says,
});

/** All findings, in the order of `neededRecords`, our host's addresses first. */
export async function checkDns(facts: DomainFacts, dns: Resolver): Promise<readonly DnsFinding[]> {
  const addresses = await dns.resolveAddresses(facts.host);
  const own = addresses.kind === "found" ? addresses.values : [];
  const findings = [...(await checkHostName(facts.host, addresses, dns))];
  for (const record of neededRecords(facts)) findings.push(...(await checkRecord(record, facts, own, dns)));
  return findings;
}

/** Our name has addresses, and these lead back to it: many servers refuse mail from a host of which that is not so. */
async function checkHostName(host: string, addresses: Resolved<string>, dns: Resolver): Promise<readonly DnsFinding[]> {
  const about = { name: host, type: "A", need: "must" } as const;
  if (addresses.kind === "temporary") return [finding(about, "unknown", addresses.reason)];
  if (addresses.kind !== "found") return [finding(about, "missing", "our own name has no address")];
  const findings = [finding(about, "ok", addresses.values.join(", "))];
  for (const address of addresses.values) {
    const back = { name: address, type: "PTR", need: "must" } as const;
    const names = await dns.resolvePtr(address);
    if (names.kind === "temporary") findings.push(finding(back, "unknown", names.reason));
    else if (names.kind !== "found")
      findings.push(finding(back, "missing", "the address has no name; whoever routes it to you can give it one"));
    else if (!names.values.includes(host))
      findings.push(finding(back, "wrong", `the address is called ${names.values.join(", ")}, not ${host}`));
    else findings.push(finding(back, "ok", host));
  }
  return findings;
}

async function checkRecord(
  record: NeededRecord,
  facts: DomainFacts,
  own: readonly string[],
  dns: Resolver,
): Promise<readonly DnsFinding[]> {
  const { domain } = facts;
  if (record.type === "MX") return [await checkExchangers(record, facts, dns)];
  if (record.type === "SRV") return [await checkService(record, dns)];
  if (record.type === "TLSA") return [await checkCertificate(record, dns)];
  if (record.type === "CNAME") return [await checkAlias(record, own, dns)];
  if (record.name === domain) return checkSpf(record, facts, own, dns);
  const texts = await dns.resolveTxt(record.name);
  const trouble = absent(record, texts);
  if (trouble !== null) return [trouble];
  const values = texts.kind === "found" ? texts.values : [];
  if (record.name === `_dmarc.${domain}`) return checkPolicy(record, values);
  if (record.name === `_smtp._tls.${domain}`) return [checkVersion(record, values, /^v=TLSRPTv1;.*\brua=/i)];
  if (record.name === `_mta-sts.${domain}`)
    return [checkVersion(record, values, /^v=STSv1;\s*id=[A-Za-z0-9]{1,32};?\s*$/)];
  return [checkKey(record, values)];
}

/** That there is nothing, or that nobody knows; null if there is something. */
function absent(record: NeededRecord, answer: Resolved<unknown>): DnsFinding | null {
  if (answer.kind === "found") return null;
  return answer.kind === "temporary"
    ? finding(record, "unknown", answer.reason)
    : finding(record, "missing", record.why);
}

async function checkExchangers(record: NeededRecord, { host }: DomainFacts, dns: Resolver): Promise<DnsFinding> {
  const answer = await dns.resolveMx(record.name);
  const trouble = absent(record, answer);
  if (trouble !== null || answer.kind !== "found") return trouble ?? finding(record, "missing", record.why);
  const names = answer.values.map(({ exchange }) => exchange);
  if (names.includes("")) return finding(record, "wrong", "a null MX says that the domain takes no mail");
  if (!names.includes(host)) return finding(record, "wrong", `mail goes to ${names.join(", ")}, not to ${host}`);
  const dead: string[] = [];
  for (const name of new Set(names))
    if (!["found", "temporary"].includes((await dns.resolveAddresses(name)).kind)) dead.push(name);
  return dead.length > 0
    ? finding(record, "wrong", `${dead.join(", ")} has no address`)
    : finding(record, "ok", names.join(", "));
}

async function checkSpf(
  record: NeededRecord,
  { domain, host }: DomainFacts,
  own: readonly string[],
  dns: Resolver,
): Promise<readonly DnsFinding[]> {
  const answer = await dns.resolveTxt(domain);
  if (answer.kind === "temporary") return [finding(record, "unknown", answer.reason)];
  const texts = answer.kind === "found" ? answer.values.filter(isSpfRecord) : [];
  const [text, ...more] = texts;
  if (text === undefined) return [finding(record, "missing", record.why)];
  if (more.length > 0) return [finding(record, "wrong", "there is more than one SPF record, so that none counts")];
  const parsed = parseSpfRecord(text);
  if (parsed === null) return [finding(record, "wrong", `the SPF record is malformed: ${text}`)];
  const isOpen = parsed.directives.some(({ qualified, mechanism }) => qualified === "pass" && mechanism.kind === "all");
  if (isOpen) return [finding(record, "wrong", "+all lets every host in the world send mail of the domain")];
  for (const ip of own) {
    const question = { ip, domain, sender: `postmaster@${domain}`, helo: host, receiver: host, nowSeconds: 0 };
    const { result, why } = await checkHost(question, dns);
    if (result !== "pass") return [finding(record, "wrong", `our own mail from ${ip} gets ${result} (${why})`)];
  }
  return [finding(record, "ok", text)];
}

function checkPolicy(record: NeededRecord, texts: readonly string[]): readonly DnsFinding[] {
  const policies = texts.map(parsePolicyRecord).filter((policy) => policy !== null);
  const [policy, ...more] = policies;
  if (policy === undefined) return [finding(record, "wrong", "the record is no DMARC policy (v=DMARC1; p=...)")];
  if (more.length > 0) return [finding(record, "wrong", "there is more than one DMARC policy, so that none counts")];
  if (policy.p === null) return [finding(record, "wrong", "the DMARC policy has no p= of none, quarantine or reject")];
  if (policy.p === "none") return [finding(record, "wrong", "p=none asks nobody to do anything about forged mail")];
  return [finding(record, "ok", `p=${policy.p}`)];
}

/** Tags with the blanks that mean nothing taken out. */
const plain = (text: string): string => text.replace(/[\s;]+/g, "");

function checkKey(record: NeededRecord, texts: readonly string[]): DnsFinding {
  if (texts.some((text) => plain(text) === plain(record.value))) return finding(record, "ok", "the key is published");
  const isRevoked = texts.some((text) => /(?:^|;)\s*p=\s*(?:;|$)/.test(text));
  return finding(
    record,
    "wrong",
    isRevoked ? "the key is published as revoked" : "another key is published under this name",
  );
}

function checkVersion(record: NeededRecord, texts: readonly string[], form: RegExp): DnsFinding {
  return texts.some((text) => form.test(text))
    ? finding(record, "ok", texts[0] ?? "")
    : finding(record, "wrong", `the record is malformed: ${texts[0] ?? ""}`);
}

async function checkService(record: NeededRecord, dns: Resolver): Promise<DnsFinding> {
  const answer = await dns.resolveSrv(record.name);
  const trouble = absent(record, answer);
  if (trouble !== null || answer.kind !== "found") return trouble ?? finding(record, "missing", record.why);
  const [, , port = "0", target = "."] = record.value.split(" ");
  const wanted = { target: target.replace(/\.$/, ""), port: Number(port) };
  const fits = answer.values.some(
    (one) => one.target === wanted.target && (wanted.target === "" || one.port === wanted.port),
  );
  const found = answer.values.map((one) => `${one.target || "."}:${one.port}`).join(", ");
  return fits
    ? finding(record, "ok", found)
    : finding(record, "wrong", `it names ${found}, not ${wanted.target || "."}:${wanted.port}`);
}

async function checkCertificate(record: NeededRecord, dns: Resolver): Promise<DnsFinding> {
  const answer = await dns.resolveTlsa(record.name);
  const trouble = absent(record, answer);
  if (trouble !== null || answer.kind !== "found") return trouble ?? finding(record, "missing", record.why);
  if (answer.values.includes(record.value)) return finding(record, "ok", "our certificate");
  return finding(record, "wrong", "no TLSA record is of our certificate: servers that check refuse to deliver to us");
}

async function checkAlias(record: NeededRecord, own: readonly string[], dns: Resolver): Promise<DnsFinding> {
  const answer = await dns.resolveAddresses(record.name);
  const trouble = absent(record, answer);
  if (trouble !== null || answer.kind !== "found") return trouble ?? finding(record, "missing", record.why);
  if (answer.values.some((address) => own.includes(address))) return finding(record, "ok", "leads here");
  return finding(record, "wrong", `leads to ${answer.values.join(", ")}`);
}
