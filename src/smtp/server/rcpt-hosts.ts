import { type ByteString, lowerAscii } from "#bytes";
import { domainOf } from "#mail";
import type { SmtpControls } from "./controls.ts";
import type { House } from "./house.ts";

/** A domain name has at most 127 labels (RFC 1035 §2.3.4 in octets); what claims more is looked up by its first ones only. */
const maxKeys = 128;

/** What may stand in rcpthosts for a domain: itself, then each `.suffix`, in the order qmail tries them (spec Q-020). */
function keysOf(domain: ByteString): readonly ByteString[] {
  const keys = [domain];
  for (let at = domain.indexOf(".", 1); at >= 0 && keys.length < maxKeys; at = domain.indexOf(".", at + 1)) {
    keys.push(domain.slice(at));
  }
  return keys;
}

/** What the answer depends on; a `House` has it, and qmail-qmtpd, which is no SMTP house, too. */
export type RelayRules = Pick<House, "inMoreRcptHosts"> & {
  readonly controls: Pick<SmtpControls, "rcptHosts" | "openRelay">;
};

/**
 * Whether a client without RELAYCLIENT may send to this recipient: no `@` always, else its domain must be in rcpthosts,
 * or, only if that file exists, in morercpthosts.cdb. Without rcpthosts nothing is ours, unless
 * control/openrelay says otherwise (G13).
 */
export function mayReceive(house: RelayRules, recipient: ByteString): boolean | Promise<boolean> {
  if (!recipient.includes("@")) return true;
  const { rcptHosts, openRelay } = house.controls;
  if (rcptHosts === null) return openRelay;
  const keys = keysOf(lowerAscii(domainOf(recipient)));
  return keys.some((key) => rcptHosts.has(key)) || house.inMoreRcptHosts(keys);
}
