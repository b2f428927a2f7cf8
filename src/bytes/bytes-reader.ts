/** A cursor over one payload: fixed-width numbers and counted byte strings. Throws RangeError when the payload is short. */
export class BytesReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Unsigned 32-bit number, big endian. */
  u32(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Unsigned number up to 2^53-1 in 8 bytes, big endian. */
  u53(): number {
    const high = this.u32();
    return high * 0x1_0000_0000 + this.u32();
  }

  /** A byte string preceded by its length in 32 bits. */
  counted(): string {
    const length = this.u32();
    if (length > this.left) throw new RangeError("a counted string runs past the end of its payload");
    const text = this.#bytes.toString("latin1", this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  /** All that is left, as a view. */
  rest(): Buffer {
    const bytes = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return bytes;
  }
}
