import { isIP } from "node:net";
import type { ByteString } from "#bytes";
import type { EntryCheck } from "./control-file.ts";

/** Labels of letters, digits, `-`, `_` and octets above 127 (an IDN in UTF-8), with dots between; brackets for an address. */
const hostPattern = /^(?:[A-Za-z0-9_\x80-\xff-]+(?:\.[A-Za-z0-9_\x80-\xff-]+)*|\[[0-9A-Fa-f.:]+\])$/;

/** A host name or an address in brackets. */
export const isHost = (entry: ByteString): boolean => hostPattern.test(entry);

/** One host name. */
export const checkHost: EntryCheck = (entry) => (isHost(entry) ? null : "is not a host name");

/** A domain of its own; no wildcards here. */
export const checkDomain: EntryCheck = (entry) => {
  if (entry.startsWith(".")) return "begins with a dot, but this list knows no wildcards";
  if (entry.includes("*")) return "has a *, but this list knows no wildcards";
  return checkHost(entry);
};

/** `dom`, or `.dom` for all of its subdomains. */
export const checkDomainOrSuffix: EntryCheck = (entry) => {
  if (entry.includes("*")) return "has a *; write .example.org for every subdomain of example.org";
  return checkHost(entry.replace(/^\./, ""));
};

/** `user@host` or `@host`. */
export const checkAddressOrHost: EntryCheck = (entry) =>
  entry.includes("@") ? null : "has no @; write user@host or @host, else it never matches";

/** A pattern in which `*` is anything; a `!` before it makes an exception. */
export const checkPattern: EntryCheck = (entry) => {
  if (entry === "!") return "is a ! without a pattern";
  if (/^!?(?:\^|\.\*)|\\|\$$/.test(entry)) return "looks like a regular expression; patterns here know * only";
  return null;
};

/** The same for addresses. */
export const checkAddressPattern: EntryCheck = (entry) =>
  checkPattern(entry) ?? (/[@*]/.test(entry) ? null : "has neither @ nor *, so that it fits no address");

/** A local part: no `@` in it. */
export const checkLocalPart: EntryCheck = (entry) =>
  entry.includes("@") ? "has an @, but only the part before it belongs here" : null;

/** An IP address. */
export const checkIp: EntryCheck = (entry) => (isIP(entry) !== 0 ? null : "is not an IP address");

/** `key:ip`. */
export const checkBinding: EntryCheck = (entry) =>
  isIP(entry.slice(entry.indexOf(":") + 1).trim()) !== 0 ? null : "has no IP address after its :";

/** `ip`, `ipv4:port` or `[ip]:port`. */
export const checkIpAndPort: EntryCheck = (entry) => {
  if (isIP(entry) !== 0) return null;
  const parts = /^\[([^\]]+)\](?::([0-9]{1,5}))?$/.exec(entry) ?? /^([0-9.]+):([0-9]{1,5})$/.exec(entry);
  const port = Number(parts?.[2] ?? 53);
  return isIP(parts?.[1] ?? "") !== 0 && port > 0 && port < 65536
    ? null
    : "is not an IP address with an optional :port";
};

/** An IP address or a network with its prefix length. */
export const checkNetwork: EntryCheck = (entry) => {
  if (/^(?:[0-9]{1,3}\.){1,3}$/.test(entry)) return null; // 192.0.2. as tcprules writes it
  const [address = "", bits, ...more] = entry.split("/");
  const version = isIP(address);
  const longest = version === 6 ? 128 : 32;
  const fits = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= longest);
  return version !== 0 && fits && more.length === 0 ? null : "is neither an IP address nor a network (192.0.2.0/24)";
};

/** `domain:prefix`, `.domain:prefix`, `user@domain:prefix`, `:prefix`, `domain:` (spec 5.3). */
export const checkVirtualDomain: EntryCheck = (entry) => {
  const colon = entry.indexOf(":");
  const key = entry.slice(0, colon);
  const prefix = entry.slice(colon + 1);
  if (key.includes("*")) return "has a *; write .example.org for every subdomain of example.org";
  if (/^[ \t]|[ \t]$/.test(prefix) || /[ \t]$/.test(key)) return "has blanks around its :, which count";
  if (prefix.includes("@")) return "has an @ after its :, but a prefix belongs there (a user's name)";
  const domain = key.slice(key.lastIndexOf("@") + 1);
  return key === "" ? null : checkDomainOrSuffix(domain);
};

/** `domain:relay[:port]`, a relay in brackets where it is an address, empty to say "no relay" (spec 3.2). */
export const checkSmtpRoute: EntryCheck = (entry) => {
  const colon = entry.indexOf(":");
  const key = entry.slice(0, colon);
  if (key.includes("*")) return "has a *; write .example.org for every subdomain of example.org";
  if (key !== "" && !isHost(key.replace(/^\./, ""))) return "does not begin with a domain";
  const [, relay = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(entry.slice(colon + 1)) ?? [];
  if (relay !== "" && !isHost(relay)) return "names a relay that is neither a host name nor an [address]";
  // Anything after the port is a login (spec 11.3).
  const digits = port?.split(" ")[0] ?? "";
  const fits = digits === "" || (/^[0-9]{1,5}$/.test(digits) && Number(digits) > 0 && Number(digits) < 65536);
  return fits ? null : "has a port that is not a number from 1 to 65535";
};

/** One of a few words. */
export function checkOneOf(...words: readonly string[]): EntryCheck {
  return (entry) => (words.includes(entry) ? null : `is none of ${words.join(", ")}`);
}

/** `spf:tag`: a proof, and what is done when it fails. */
export const checkSenderCheck: EntryCheck = (entry) =>
  /^(?:spf|dkim|dmarc|arc):\s*(?:off|tag|quarantine|reject)\s*$/i.test(entry)
    ? null
    : "is none of spf, dkim, dmarc, arc with : and one of off, tag, quarantine, reject";

/** `domain:selector`, `domain:selector:FROM-UNTIL`. */
export const checkSigningKey: EntryCheck = (entry) =>
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*:[A-Za-z0-9_-][A-Za-z0-9._-]*(?::[0-9]*-[0-9]*)?$/.test(entry) && !entry.includes("..")
    ? null
    : "is neither domain:selector nor domain:selector:FROM-UNTIL";

/** A user's number. */
export const checkUid: EntryCheck = (entry) => (/^[0-9]{1,10}$/.test(entry) ? null : "is not a uid");

/** A word that turns something on or off. */
export const checkFlag: EntryCheck = (entry) =>
  /^(?:1|yes|on|0|no|off)$/i.test(entry)
    ? null
    : "is neither on (1, yes, on) nor off (0, no, off), so the default applies";
