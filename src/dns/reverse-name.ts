import { isIPv4, isIPv6, SocketAddress } from "node:net";

/** The name under which an address's own name is found: in-addr.arpa (RFC 1035 §3.5), ip6.arpa (RFC 3596 §2.5). Null if it is no IP address. */
export function reverseName(address: string): string | null {
  if (isIPv4(address)) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  if (!isIPv6(address)) return null;
  const nibbles = expandIpv6(address).join("").split("").reverse();
  return `${nibbles.join(".")}.ip6.arpa`;
}

/** The eight groups of an IPv6 address, four hex digits each. A zone (`%eth0`) is dropped. */
function expandIpv6(address: string): readonly string[] {
  const bare = address.replace(/%.*$/, "");
  const { address: canonical } = new SocketAddress({ address: dottedTail(bare), family: "ipv6" });
  const [head = "", tail] = dottedTail(canonical).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...missing, ...right].map((group) => group.padStart(4, "0").toLowerCase());
}

/** `::ffff:192.0.2.1` with its last four octets as two groups. */
function dottedTail(address: string): string {
  return address.replace(/([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/, (_all, ...octets: string[]) => {
    const [a = "0", b = "0", c = "0", d = "0"] = octets;
    return `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`;
  });
}
