import type { ByteString } from "#bytes";

declare const addressBrand: unique symbol;

/**
 * An envelope address as qmail keeps it: a byte string without NUL, unquoted, at most 1002 bytes. It may lack `@`
 * (qualified later with envnoathost) and its local part may hold anything, `@` too: the LAST `@` divides.
 */
export type Address = ByteString & { readonly [addressBrand]: true };

/** Longest address the queue takes, in bytes (spec Q-049; the SMTP server's own limit is 899). */
export const maxAddressBytes = 1002;

/** The one maker of addresses: null if the text has a NUL, is not octets, or is longer than `maxAddressBytes`. */
export function parseAddress(text: ByteString): Address | null {
  if (text.length > maxAddressBytes) return null;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || unit > 0xff) return null;
  }
  return text as Address;
}

/** What stands after the last `@`, as written; "" when there is none. */
export function domainOf(address: ByteString): ByteString {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : address.slice(at + 1);
}

/** What stands before the last `@`; the whole address when there is none. */
export function localPartOf(address: ByteString): ByteString {
  const at = address.lastIndexOf("@");
  return at < 0 ? address : address.slice(0, at);
}

const dotAtom = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff]+)*$/;

/** A local part as it goes on the wire: itself if it is a dot-atom, else a quoted string (RFC 5321 §4.1.2). */
export function quoteLocalPart(local: ByteString): ByteString {
  return dotAtom.test(local) ? local : `"${local.replace(/[\\"\r\n]/g, "\\$&")}"`;
}

/** An address as it goes on the wire. The null path stays empty. `quoteAddress("a b@c") === '"a b"@c'`. */
export function quoteAddress(address: ByteString): ByteString {
  if (address === "") return "";
  const at = address.lastIndexOf("@");
  return at < 0 ? quoteLocalPart(address) : `${quoteLocalPart(address.slice(0, at))}${address.slice(at)}`;
}
