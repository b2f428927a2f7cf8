import { BlockList, isIP } from "node:net";

/** `::ffff:192.0.2.1` is how a dual-stack listener shows an IPv4 peer; rules and logs speak of `192.0.2.1`. */
export function plainIp(address: string): string {
  return /^::ffff:/i.test(address) && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

/** A set of networks, asked about one address at a time. */
export type Networks = { readonly has: (ip: string) => boolean };

/**
 * Networks as an admin writes them: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`, and qmail's prefixes `127.` and `10.0.`. Null and
 * the offending entry's index if one is none of these.
 */
export function parseNetworks(entries: readonly string[]): Networks | { readonly badEntry: number } {
  const list = new BlockList();
  for (const [index, entry] of entries.entries()) if (!addNetwork(list, entry)) return { badEntry: index };
  return {
    has: (ip) => {
      const family = isIP(ip);
      return family !== 0 && list.check(ip, family === 4 ? "ipv4" : "ipv6");
    },
  };
}

function addNetwork(list: BlockList, entry: string): boolean {
  const prefix = /^(?:\d{1,3}\.){1,3}$/.test(entry) ? entry.split(".").slice(0, -1) : null;
  if (prefix !== null) return addSubnet(list, [...prefix, "0", "0", "0"].slice(0, 4).join("."), 8 * prefix.length);
  const [address = "", bits, ...more] = entry.split("/");
  const width = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : 0;
  if (width === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits ?? "0")) return false;
  return addSubnet(list, address, bits === undefined ? width : Number(bits));
}

function addSubnet(list: BlockList, address: string, bits: number): boolean {
  const family = isIP(address);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return false;
  // A prefix of no bits is every address; BlockList takes 0 for both families.
  list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  return true;
}
