import type { ByteString } from "#bytes";

/** A message that cannot be sent for good: what stands behind `qmail-inject: fatal: `, without the last LF. Exit code 100. */
export type Refusal = { readonly refusal: ByteString };

const withoutLastLf = (line: ByteString): ByteString => (line.endsWith("\n") ? line.slice(0, -1) : line);

/** A field or control value that is no address list. */
export const unparsableLine = (line: ByteString): Refusal => ({
  refusal: `unable to parse this line:\n${withoutLastLf(line)}`,
});

/** An argument that is no address. */
export const unparsableAddress = (address: ByteString): Refusal => ({
  refusal: `unable to parse address: ${address}`,
});

/** An address the queue would not take (spec 2.2, exit 11). */
export const addressTooLong: Refusal = { refusal: "envelope address too long for qq (#5.1.3)" };
