import { type ByteString, lowerAscii } from "#bytes";
import { isNullPath, quoteAddress, type ReversePath } from "#mail";
import { fieldKey, rewriteAddressField } from "#message";

/** What to do about a message whose delivery was asked to be confirmed. */
export type Receipt =
  | { readonly kind: "none" }
  /** A field that asks, but cannot be parsed. */
  | { readonly kind: "malformed"; readonly field: ByteString }
  | { readonly kind: "notice"; readonly text: ByteString };

const asking = "notice-requested-upon-delivery-to";

/**
 * Does this header ask for a notice of delivery to `address`? Only a `Notice-Requested-Upon-Delivery-To` field that lists it
 * exactly does, and nobody answers a null path. The notice goes to `sender` (spec 9.6).
 */
export function receiptFor(fields: readonly ByteString[], sender: ReversePath, address: ByteString): Receipt {
  let isAsked = false;
  let messageId: ByteString = "";
  for (const field of fields) {
    const key = lowerAscii(fieldKey(field));
    if (key === "message-id") messageId = field;
    if (key !== asking) continue;
    const { field: parsed, addresses } = rewriteAddressField(field, (tokens) => tokens);
    if (parsed === null) return { kind: "malformed", field };
    isAsked ||= addresses.includes(address);
  }
  return isAsked && !isNullPath(sender)
    ? { kind: "notice", text: notice(sender, address, messageId) }
    : { kind: "none" };
}

function notice(sender: ReversePath, address: ByteString, messageId: ByteString): ByteString {
  const to = quoteAddress(sender).replaceAll("\n", "_");
  const your = messageId === "" ? "" : `Your ${messageId}`;
  return `From: DELIVERY NOTICE SYSTEM <${to}>
To: <${to}>
Subject: success notice

Hi! This is the qreceipt program. Your message was delivered to the
following address: ${address}. Thanks for asking.
${your}`;
}
