import type { ByteString } from "#bytes";
import type { Address, ReversePath } from "#mail";
import { fieldKey, fieldValue } from "#message";

/**
 * Who may hear that a message with this envelope sender is late; null: nobody. Bounces (`""`, `#@[]`) have no sender to tell, and
 * the owner of a list (VERP, `list-owner@host-@[]`) would get a notice for every slow subscriber.
 */
export function delayRecipient(sender: ReversePath): Address | null {
  return sender === "" || sender.endsWith("@[]") ? null : (sender as Address);
}

/**
 * True if a program wrote this header, or a list passed the message on: there is no person who waits for an answer (RFC 3834 §2,
 * as Exim has it). `Auto-Submitted` other than `no`; `Precedence: bulk`, `list`, `junk`; any of the `List-` fields (RFC 2369,
 * RFC 2919). Bounces are sent all the same.
 */
export function isAutomatic(fields: readonly ByteString[]): boolean {
  return fields.some((field) => {
    const key = fieldKey(field);
    if (key === "auto-submitted") return !/^\s*no(?![a-z0-9-])/i.test(fieldValue(field));
    if (key === "precedence") return /^\s*(?:bulk|list|junk)(?![a-z0-9-])/i.test(fieldValue(field));
    return key.startsWith("list-");
  });
}
