import { scanLength } from "./netstring-protocols.ts";

/** How a conversation ends early: the peer has gone (exit 0), broke the protocol (100), or asks for too much (111). */
export class NetstringEnd extends Error {
  readonly exitCode: 0 | 100 | 111;

  constructor(exitCode: 0 | 100 | 111) {
    super(`conversation ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const comma = 0x2c;

/**
 * Reads a stream of netstrings by pulling. `budget` bounds what may still be read, for netstrings inside a netstring. Every
 * method throws NetstringEnd.
 */
export class NetstringInput {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);
  budget = Number.POSITIVE_INFINITY;

  constructor(input: AsyncIterable<Uint8Array>) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** `digits:`. */
  async length(): Promise<number> {
    for (;;) {
      const scanned = scanLength(this.#buffer, 0);
      if (scanned === "malformed") throw new NetstringEnd(100);
      if (scanned === "too-long") throw new NetstringEnd(111);
      if (scanned !== "short") {
        this.#use(scanned.next);
        return scanned.length;
      }
      if (this.#buffer.length >= this.budget) throw new NetstringEnd(100); // The colon would lie outside.
      await this.#more();
    }
  }

  /** Exactly `length` bytes at once; for addresses. */
  async take(length: number): Promise<Buffer> {
    if (length > this.budget) throw new NetstringEnd(100);
    while (this.#buffer.length < length) await this.#more();
    const bytes = this.#buffer.subarray(0, length);
    this.#use(length);
    return bytes;
  }

  /** `length` bytes as they come. */
  async *stream(length: number): AsyncGenerator<Buffer> {
    if (length > this.budget) throw new NetstringEnd(100);
    for (let left = length; left > 0; ) {
      if (this.#buffer.length === 0) await this.#more();
      const bytes = this.#buffer.subarray(0, left);
      this.#use(bytes.length);
      left -= bytes.length;
      yield bytes;
    }
  }

  /** Passes over `length` bytes. */
  async skip(length: number): Promise<void> {
    for await (const _ of this.stream(length));
  }

  /** The comma that ends a netstring. */
  async comma(): Promise<void> {
    const [byte] = await this.take(1);
    if (byte !== comma) throw new NetstringEnd(100);
  }

  #use(bytes: number): void {
    this.budget -= bytes;
    if (this.budget < 0) throw new NetstringEnd(100);
    this.#buffer = this.#buffer.subarray(bytes);
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw new NetstringEnd(0);
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
  }
}
