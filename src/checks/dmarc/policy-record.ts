import { type ByteString, lowerAscii } from "#bytes";
import { withoutBlanks } from "../tag-list.ts";

/** What a domain asks for mail that is not its own (RFC 9989 §4.7). */
export type DmarcPolicy = "none" | "quarantine" | "reject";

/** A DMARC policy record. */
export type PolicyRecord = {
  /** Null: not given, or not one of the three words. */
  readonly p: DmarcPolicy | null;
  readonly sp: DmarcPolicy | null;
  readonly np: DmarcPolicy | null;
  /** sp= or np= is there and is none of the three words. */
  readonly hasBadPolicy: boolean;
  readonly strictDkim: boolean;
  readonly strictSpf: boolean;
  readonly psd: "y" | "n" | "u";
  /** t=y: the owner is testing. */
  readonly isTesting: boolean;
  readonly fo: ByteString;
  /** Mailboxes of rua=, as `mailto:` URIs name them; others we cannot serve. */
  readonly reportTo: readonly ByteString[];
};

/** RFC 9989 §4.7: `v=DMARC1` first, in this case; blanks around the `=`. */
const version = /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/;
const maxTags = 100;
/** Mailboxes of rua= that are served; no owner needs more. */
const maxReportTo = 10;

const words: ReadonlyMap<string, DmarcPolicy> = new Map(
  (["none", "quarantine", "reject"] as const).map((word) => [word, word]),
);

/**
 * Reads a TXT record; null if it is no DMARC record. What is malformed behind the version is ignored tag by tag, as the RFC has it:
 * a typing error in one must not leave a domain without the others.
 */
export function parsePolicyRecord(text: ByteString): PolicyRecord | null {
  if (!version.test(text)) return null;
  const tags = new Map<string, ByteString>();
  for (const piece of text.split(";").slice(0, maxTags)) {
    const equals = piece.indexOf("=");
    if (equals < 0) continue;
    const name = piece.slice(0, equals).trim();
    if (!tags.has(name)) tags.set(name, piece.slice(equals + 1).trim());
  }
  const word = (name: string): string => lowerAscii(tags.get(name) ?? "");
  const policy = (name: string): DmarcPolicy | null => words.get(word(name)) ?? null;
  const isBad = (name: string): boolean => tags.has(name) && policy(name) === null;
  const psd = word("psd");
  return {
    p: policy("p"),
    sp: policy("sp"),
    np: policy("np"),
    hasBadPolicy: isBad("sp") || isBad("np"),
    strictDkim: word("adkim") === "s",
    strictSpf: word("aspf") === "s",
    psd: psd === "y" || psd === "n" ? psd : "u",
    isTesting: word("t") === "y",
    fo: tags.get("fo") ?? "0",
    reportTo: reportAddresses(tags.get("rua") ?? ""),
  };
}

/** `mailto:a@b!10m,mailto:c@d`: a size after `!` is of an older DMARC and is ignored. */
function reportAddresses(list: ByteString): readonly ByteString[] {
  const addresses = list.split(",").map((uri) => /^mailto:([^!?]+)/i.exec(withoutBlanks(uri))?.[1] ?? "");
  return addresses
    .map(percentDecoded)
    .filter((address) => /^[^@\s<>"\\]+@[^@\s<>"\\]+$/.test(address))
    .slice(0, maxReportTo);
}

/** RFC 3986 §2.1; what is no escape stays. */
function percentDecoded(text: ByteString): ByteString {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
