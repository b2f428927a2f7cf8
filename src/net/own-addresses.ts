import { networkInterfaces } from "node:os";
import { plainIp } from "./networks.ts";

/** Whether an IP address is this host's: of one of its interfaces now, or the unspecified one (0.0.0.0, as netqmail has it). */
export function isOwnAddress(ip: string): boolean {
  const wanted = plainIp(ip.toLowerCase());
  if (wanted === "0.0.0.0" || wanted === "::") return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === wanted));
}
