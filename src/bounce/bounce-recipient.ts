import type { ByteString } from "#bytes";
import type { Address, ReversePath } from "#mail";

/** Who hears of a failure: the sender, the double bounce recipient, or nobody. */
export type BouncePlan =
  | { readonly kind: "single"; readonly to: Address }
  | { readonly kind: "double" }
  | { readonly kind: "triple" };

const verpMarker = "-@[]";

/**
 * To whom a message's failures are reported (spec 4.6). `single`: post from "" to `to` (for a VERP sender `pre@host-@[]` that is
 * `pre@host`); `double`: post from `#@[]` to doublebounceto@doublebouncehost; `triple`: discard and log it.
 */
export function bounceRecipient(sender: ReversePath): BouncePlan {
  if (sender === "#@[]") return { kind: "triple" };
  // Whatever ends with the marker loses it, a second `@` or not: qmail-send does not look further.
  const to: ByteString = sender.endsWith(verpMarker) ? sender.slice(0, -verpMarker.length) : sender;
  // A part of an address is an address.
  return to === "" ? { kind: "double" } : { kind: "single", to: to as Address };
}
