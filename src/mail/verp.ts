import { type Address, domainOf, localPartOf } from "./address.ts";
import type { ReversePath } from "./envelope.ts";

const marker = "-@[]";

/** True for `prefix@host-@[]` with a second `@` before the marker: one sender per recipient is wanted (spec 4.7). */
export function isVerpTemplate(sender: ReversePath): boolean {
  return sender.endsWith(marker) && sender.lastIndexOf("@", sender.length - marker.length - 1) >= 0;
}

/**
 * The reverse-path one recipient's delivery sees: `list-owner-@example.org-@[]` and `joe@far.net` give
 * `list-owner-joe=far.net@example.org`. Any other sender, or a recipient without `@`, passes unchanged.
 */
export function expandVerp(sender: ReversePath, recipient: Address): ReversePath {
  if (!isVerpTemplate(sender) || !recipient.includes("@")) return sender;
  const template = sender.slice(0, -marker.length);
  const at = template.lastIndexOf("@");
  return `${template.slice(0, at)}${localPartOf(recipient)}=${domainOf(recipient)}${template.slice(at)}` as Address;
}
