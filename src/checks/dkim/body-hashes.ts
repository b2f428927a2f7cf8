import type { ByteString } from "#bytes";
import { type BodyHasher, bodyHasher } from "./body-hash.ts";
import type { Canonicalization } from "./canonical-header.ts";

/** How a signature wants the body hashed. */
export type BodyForm = { readonly body: Canonicalization; readonly bodyLimit: number | null };

/** A body's hash in one form. `covered`: all of the body is under it, nothing was added beyond l=. */
export type BodyHash = { readonly digest: Buffer; readonly canonicalBytes: number };

/** All the hashes that the signatures of one message ask for, made in one pass over its body. */
export class BodyHashes {
  readonly #hashers = new Map<ByteString, BodyHasher>();
  #ended: Map<ByteString, BodyHash> | null = null;

  constructor(forms: readonly BodyForm[]) {
    for (const form of forms) {
      if (!this.#hashers.has(keyOf(form))) this.#hashers.set(keyOf(form), bodyHasher(form.body, form.bodyLimit));
    }
  }

  /** Takes the next octets of the body, LF line ends. */
  push(bytes: Buffer): void {
    for (const hasher of this.#hashers.values()) hasher.push(bytes);
  }

  /** The hash in a form that was asked for; after it nothing may be pushed. */
  of(form: BodyForm): BodyHash {
    this.#ended ??= new Map([...this.#hashers].map(([key, hasher]) => [key, hasher.end()]));
    const hash = this.#ended.get(keyOf(form));
    if (hash === undefined) throw new Error("a body hash that nobody asked for");
    return hash;
  }
}

const keyOf = ({ body, bodyLimit }: BodyForm): ByteString => `${body} ${bodyLimit ?? ""}`;
