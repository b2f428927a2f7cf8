import { type ByteString, lowerAscii } from "#bytes";
import { domainOf } from "#mail";

/** The domain itself, its parents with their dot (`x.a.org`, `.a.org`, `.org`), and at last "". */
function keysOf(domain: ByteString): readonly ByteString[] {
  const keys = [domain];
  for (let dot = domain.indexOf(".", 1); dot >= 0; dot = domain.indexOf(".", dot + 1)) keys.push(domain.slice(dot));
  return [...keys, ""];
}

/**
 * A rewritten recipient as the sender wrote it: `joe-x@a.org` becomes `x@a.org` when virtualdomains says `a.org:joe` (spec 4.8).
 * Virtual users (`info@a.org:joe`) keep their prefix, as with qmail. `virtualDomains`: lower-cased keys to prefixes.
 */
export function withoutVirtualPrefix(
  recipient: ByteString,
  virtualDomains: ReadonlyMap<ByteString, ByteString>,
): ByteString {
  if (!recipient.includes("@")) return recipient;
  for (const key of keysOf(lowerAscii(domainOf(recipient)))) {
    const prefix = virtualDomains.get(key);
    if (prefix === undefined) continue;
    const removable = prefix !== "" && recipient.startsWith(`${prefix}-`);
    return removable ? recipient.slice(prefix.length + 1) : recipient;
  }
  return recipient;
}
