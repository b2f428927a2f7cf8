import { networkInterfaces } from "node:os";
import { canonicalAddress } from "./literal.ts";

/** Addresses that mean this host whatever its interfaces are called (0.0.0.0 as netqmail; spec 11.1). */
const alwaysOwn = ["0.0.0.0", "::"];
/** All of 127/8 answers here: a foreign MX must not lead mail to our own smtpd as if it came from this host. */
const loopback = /^127\.|^::1$/;
/** How long the list of interfaces is taken for current. */
const freshMs = 10_000;

/** Says whether an address is this host's. */
export type IsOwn = (address: string) => boolean;

/** The self check over this machine's interfaces, read again every ten seconds. `more` and `less`: control/moreipme and notipme. */
export function makeIsOwn(
  control: () => { readonly more: readonly string[]; readonly less: readonly string[] },
  now: () => number = Date.now,
): IsOwn {
  let readAtMs = Number.NEGATIVE_INFINITY;
  let own: ReadonlySet<string> = new Set();
  return (address) => {
    if (now() - readAtMs > freshMs) {
      const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
      own = new Set([...alwaysOwn, ...interfaces.map((each) => canonicalAddress(each.address))]);
      readAtMs = now();
    }
    const { more, less } = control();
    const canonical = canonicalAddress(address);
    if (less.some((each) => canonicalAddress(each) === canonical)) return false;
    return own.has(canonical) || loopback.test(canonical) || more.some((each) => canonicalAddress(each) === canonical);
  };
}
