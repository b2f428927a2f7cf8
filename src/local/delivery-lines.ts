import type { ByteString } from "#bytes";
import { type Address, quoteAddress, type ReversePath } from "#mail";

const withoutLf = (text: ByteString): ByteString => text.replaceAll("\n", "_");

/** The Delivered-To line with its LF: DTLINE. A LF inside the address becomes `_`; nothing is quoted. */
export function deliveredToLine(recipient: Address): ByteString {
  return `Delivered-To: ${withoutLf(recipient)}\n`;
}

/** The Return-Path line with its LF: RPLINE. The sender is quoted where SMTP would quote it. */
export function returnPathLine(sender: ReversePath): ByteString {
  return `Return-Path: <${withoutLf(quoteAddress(sender))}>\n`;
}
