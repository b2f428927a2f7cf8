import { domainToASCII } from "node:url";
import { type ByteString, displayText, lowerAscii } from "#bytes";

/** RFC 1035 §2.3.4: a label has 1..63 octets, a name at most 253 as text without its last dot. */
const maxLabelOctets = 63;
const maxNameOctets = 253;
const printable = /^[\x21-\x7e]+$/;
const beyondAscii = /[\x80-\xff]/;

/**
 * A domain as DNS is asked for it: lower case, A-labels (a domain with octets above 127 is taken as UTF-8, RFC 5891), one
 * trailing dot removed. Null if no such name can exist: an empty or long label, a blank, a control character.
 * `dnsName("Heaven.AF.mil.") === "heaven.af.mil"`.
 */
export function dnsName(domain: ByteString): string | null {
  const ascii = beyondAscii.test(domain) ? domainToASCII(displayText(domain)) : lowerAscii(domain);
  const name = ascii.endsWith(".") ? ascii.slice(0, -1) : ascii;
  if (name.length > maxNameOctets || !printable.test(name)) return null;
  return name.split(".").every((label) => label.length > 0 && label.length <= maxLabelOctets) ? name : null;
}
