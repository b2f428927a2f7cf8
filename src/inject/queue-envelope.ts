import { type ByteString, fromBytes } from "#bytes";

/**
 * What stood on qmail-queue's descriptor 1 (spec 2.2): `F<sender> NUL (T<recipient> NUL)* NUL`. `cut`: it ended before the last
 * NUL; `malformed`: another letter; `too-long`: an address beyond the limit.
 */
export type QueueEnvelope =
  | { readonly kind: "envelope"; readonly sender: ByteString; readonly recipients: readonly ByteString[] }
  | { readonly kind: "cut" | "malformed" | "too-long" };

/** Reads an envelope from bytes that arrive piece by piece; decides as early as it can. */
export class QueueEnvelopeReader {
  readonly #maxAddressBytes: number;
  #sender: ByteString | null = null;
  readonly #recipients: ByteString[] = [];
  /** A record whose NUL has not come yet. */
  #partial = "";

  constructor(maxAddressBytes: number) {
    this.#maxAddressBytes = maxAddressBytes;
  }

  /** Takes more bytes; the result once it is known, else null. What follows the last NUL is not looked at. */
  push(bytes: Uint8Array): QueueEnvelope | null {
    const text = this.#partial + fromBytes(bytes);
    let at = 0;
    for (let end = text.indexOf("\0"); end >= 0; end = text.indexOf("\0", at)) {
      const result = this.#record(text.slice(at, end));
      if (result !== null) return result;
      at = end + 1;
    }
    this.#partial = text.slice(at);
    return this.#partial === "" ? null : this.#fault(this.#partial);
  }

  /** There is nothing more to come. */
  end(): QueueEnvelope {
    return { kind: "cut" };
  }

  #record(record: ByteString): QueueEnvelope | null {
    if (record === "" && this.#sender !== null) {
      return { kind: "envelope", sender: this.#sender, recipients: this.#recipients };
    }
    const fault = this.#fault(record);
    if (fault !== null) return fault;
    const address = record.slice(1);
    if (this.#sender === null) this.#sender = address;
    else this.#recipients.push(address);
    return null;
  }

  /** What is wrong with a record, or with as much of it as is here. */
  #fault(record: ByteString): QueueEnvelope | null {
    if (record[0] !== (this.#sender === null ? "F" : "T")) return { kind: "malformed" };
    return record.length - 1 > this.#maxAddressBytes ? { kind: "too-long" } : null;
  }
}

/** Reads an envelope from a stream, no further than it must. Throws what the stream throws. */
export async function readQueueEnvelope(
  input: AsyncIterable<Uint8Array>,
  maxAddressBytes: number,
): Promise<QueueEnvelope> {
  const reader = new QueueEnvelopeReader(maxAddressBytes);
  for await (const bytes of input) {
    const result = reader.push(bytes);
    if (result !== null) return result;
  }
  return reader.end();
}
