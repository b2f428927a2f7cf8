import { bare } from "./bare.ts";
import { findExim } from "./exim.ts";
import { findOpensmtpd } from "./opensmtpd.ts";
import { findPostfix } from "./postfix.ts";
import { quail } from "./quail.ts";
import type { Absent, Contender, ContenderName } from "./server.ts";

/** Those of `names` that can take part here, and the others with the reason why not. Fetches packages that are not there yet. */
export function findContenders(
  names: readonly ContenderName[],
  checkout: string,
): { readonly contenders: readonly Contender[]; readonly absent: readonly Absent[] } {
  const finders: Readonly<Record<ContenderName, () => Contender | Absent>> = {
    Quail: () => quail(checkout),
    Postfix: findPostfix,
    OpenSMTPD: findOpensmtpd,
    Exim: findExim,
    bare: () => bare,
  };
  const found = names.map((name) => finders[name]());
  return {
    contenders: found.filter((one) => "start" in one),
    absent: found.filter((one) => "absent" in one),
  };
}
