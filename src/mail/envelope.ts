import type { Address } from "./address.ts";

/** Where reports go: an address, `""` (a bounce: report nothing back), or `"#@[]"` (a double bounce; spec 4.7). */
export type ReversePath = Address | "" | "#@[]";

/** What the queue is given beside the message. No recipients is legal: the message then vanishes (spec Q-055). */
export type Envelope = { readonly sender: ReversePath; readonly recipients: readonly Address[] };

/** True for the two paths to which no bounce may be sent. */
export function isNullPath(path: ReversePath): path is "" | "#@[]" {
  return path === "" || path === "#@[]";
}
