import { isIP } from "node:net";
import type { ByteString } from "#bytes";

/** What stood in the way of a delivery, roughly: what an admin would do about it differs between classes. */
export type ReasonClass =
  | "connection"
  | "dns"
  | "mailbox"
  | "greylist"
  | "policy"
  | "quota"
  | "size"
  | "tls"
  | "loop"
  | "local"
  | "mangled"
  | "other";

/** The classes in words. */
export const reasonClassNames: ReadonlyMap<ReasonClass, string> = new Map([
  ["connection", "no connection, or it broke"],
  ["dns", "DNS"],
  ["mailbox", "no such mailbox"],
  ["greylist", "come back later (greylisting, rate)"],
  ["policy", "refused by policy"],
  ["quota", "mailbox full"],
  ["size", "message too big"],
  ["tls", "TLS"],
  ["loop", "mail loop"],
  ["local", "trouble on this machine"],
  ["mangled", "report mangled"],
  ["other", "other"],
]);

/** Words that say more than a status code, in the log's alphabet; the first that fits decides. */
const byWords: readonly (readonly [words: RegExp, reason: ReasonClass])[] = [
  [/^report_mangled$/, "mangled"],
  [/grey-?list|gray-?list|try_again_(?:in|later)|rate_limit|too_many_(?:conn|mess|recip)|throttl/i, "greylist"],
  [/establish_an_SMTP_connection|but_connection_died|connected_to_.*but_greeting|timed?_?-?out/i, "connection"],
  [/quota|mailbox_(?:is_)?full|over_?quota/i, "quota"],
  [/looping|hop_count|delivered-to_line/i, "loop"],
  [/CNAME_lookup|find_any_host|DNS|host_not_found|name_server/i, "dns"],
  [/no_mailbox_here|user_unknown|unknown_user|no_such_(?:user|mailbox|recipient)|mailbox_unavailable/i, "mailbox"],
  [/spam|blocked|blacklist|blocklist|reputation|spamhaus|DMARC|\bSPF|relay/i, "policy"],
  [/TLS|certificate/i, "tls"],
];

/** RFC 3463's subject and detail, `x.S.D`; of a subject alone where no detail is listed. */
const byStatus: ReadonlyMap<string, ReasonClass> = new Map([
  ["1", "mailbox"],
  ["1.2", "dns"],
  ["2", "mailbox"],
  ["2.2", "quota"],
  ["2.3", "size"],
  ["3", "local"],
  ["3.4", "size"],
  ["4", "connection"],
  ["4.3", "dns"],
  ["4.4", "dns"],
  ["4.6", "loop"],
  ["7", "policy"],
]);

const status = /[#_-]([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])/;
/** An octet of the log's alphabet. More of a reason than this is not looked at: what decides stands at its begin. */
const maxLookedAt = 2048;

/** The class of a deferral's or failure's reason, as logged (`_` for blanks). */
export function reasonClass(reason: ByteString): ReasonClass {
  const text = reason.length > maxLookedAt ? reason.slice(0, maxLookedAt) : reason;
  const worded = byWords.find(([words]) => words.test(text))?.[1];
  if (worded !== undefined) return worded;
  const [, kind, subject = "", detail = ""] = status.exec(text) ?? [];
  const coded = byStatus.get(`${subject}.${detail}`) ?? byStatus.get(subject) ?? "other";
  // "Later, for reasons of policy" is what greylisting says where it does not use the word.
  return kind === "4" && coded === "policy" ? "greylist" : coded;
}

/** What a report says of the other host. */
export type RemoteFacts = {
  readonly ip: string;
  readonly family: 4 | 6;
  /** `1.3`; null if the report names no TLS version. */
  readonly tls: string | null;
  readonly cipher: string | null;
};

const addressPlaces = /(?:^|Connected_to_|Giving_up_on_|[_[(:])\[?([0-9a-fA-F.:]{3,45})\]?(?=[_.\])/]|$)/g;
const tlsVersion = /TLS(?:_|v|_v|\/)?(1(?:\.[0-3])?)(?![0-9])/;
const cipherName = /TLS_(?:AES|CHACHA20)_[A-Z0-9_]+_SHA(?:256|384)|(?:EC)?DHE-[A-Z0-9-]+|AES(?:128|256)-[A-Z0-9-]+/;
/** Addresses stand at the begin or the end; a report with more candidates than this is somebody's joke. */
const maxCandidates = 20;

/** The address a delivery went to, IPv4 or IPv6, and the TLS it had, out of its report; null if the report names no address. */
export function remoteFacts(reason: ByteString): RemoteFacts | null {
  const text = reason.length > maxLookedAt ? reason.slice(0, maxLookedAt) : reason;
  let candidates = 0;
  for (const [, found = ""] of text.matchAll(addressPlaces)) {
    if (candidates++ >= maxCandidates) break;
    const ip = found.replace(/\.$/, "");
    const family = isIP(ip);
    if (family !== 4 && family !== 6) continue;
    const tls = tlsVersion.exec(text)?.[1] ?? null;
    return { ip: ip.toLowerCase(), family, tls, cipher: cipherName.exec(text)?.[0] ?? null };
  }
  return null;
}
