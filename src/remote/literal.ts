import { isIP, isIPv4, SocketAddress } from "node:net";
import type { ByteString } from "#bytes";

/** An IP address in one form only, so that equal addresses are equal strings; IPv4 inside IPv6 (`::ffff:192.0.2.1`) becomes IPv4. */
export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const canonical = new SocketAddress({ address: address.replace(/%.*$/, ""), family: "ipv6" }).address;
  const mapped = /^::ffff:([0-9.]+)$/.exec(canonical)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : canonical;
}

/**
 * The address that a host name spells out: `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3), and, as qmail takes it, a bare
 * `192.0.2.1`. Null for a name.
 */
export function literalAddress(host: ByteString): string | null {
  if (isIPv4(host)) return host;
  const inside = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(host)?.[1] ?? "";
  return isIP(inside) === 0 ? null : canonicalAddress(inside);
}
