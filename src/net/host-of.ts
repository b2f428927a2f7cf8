import { isIP } from "node:net";

/**
 * What counts as one host when hosts are counted: an IPv4 address, an IPv6 /64 (whoever has one address of it has them all), as the
 * text of its first four groups. What is no address is itself.
 */
export function hostOf(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const [head = "", tail] = ip.replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  if (tail === undefined) return left.slice(0, 4).join(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Math.max(0, 8 - left.length - right.length);
  return [...left, ...new Array<string>(zeros).fill("0"), ...right].slice(0, 4).join(":");
}
