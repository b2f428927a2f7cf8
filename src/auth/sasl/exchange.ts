/**
 * What all mechanisms have in common (RFC 4422): a mechanism is an async generator that yields challenges, is given responses, and
 * returns a verdict. It knows no socket and no base64; what it asks about accounts it asks its oracle.
 */
import type { ByteString } from "#bytes";
import type { Verdict } from "../check-login.ts";
import type { StoredKey } from "../scram-keys.ts";

/** What a mechanism may ask. None of them throws for a wrong claim. */
export type SaslOracle = {
  /** Is this the login's password? */
  readonly password: (login: ByteString, secret: ByteString) => Promise<Verdict>;
  /** Is this what somebody who knows the login's password answers to the challenge (CRAM-MD5)? */
  readonly proof: (login: ByteString, challenge: ByteString, proof: ByteString) => Promise<Verdict>;
  /** The login's SCRAM key; for who has none, one that nobody's password fits, the same each time. */
  readonly scramKey: (
    login: ByteString,
    hash: "sha1" | "sha256",
  ) => Promise<{ readonly key: StoredKey; readonly proven: Verdict }>;
  /** Whose token is it? With `login` it must be that one's. */
  readonly token: (token: ByteString, login: ByteString) => Promise<Verdict>;
  /** Who comes with the connection's client certificate? With `login` it must be that one. */
  readonly certificate: (login: ByteString) => Promise<Verdict>;
};

/** What is known of the connection. */
export type SaslFacts = {
  /** What our end calls itself: part of CRAM-MD5's challenge. */
  readonly hostName: ByteString;
  /** RFC 9266: 32 octets that both ends of the TLS connection derive; null without TLS 1.3, and nothing can be bound to it. */
  readonly tlsExporter: Buffer | null;
  /** A mechanism with -PLUS was offered: a client that could bind but says we could not was lied to (RFC 5802 §6). */
  readonly offersPlus: boolean;
  /** Printable text, without commas, that nobody can guess and nobody gets twice. */
  readonly nonce: () => string;
};

/** How an exchange ends: a verdict about somebody, or a response that is none. `login` is for the log and the guard. */
export type SaslEnd =
  | { readonly kind: "verdict"; readonly login: ByteString; readonly verdict: Verdict }
  | { readonly kind: "malformed" };

/** One exchange. What it is first given is the initial response, or null: then it begins with a challenge of its own. */
export type SaslMechanism = (
  initial: Buffer | null,
  oracle: SaslOracle,
  facts: SaslFacts,
) => AsyncGenerator<Buffer, SaslEnd, Buffer>;

export const malformed: SaslEnd = { kind: "malformed" };

export const ended = (login: ByteString, verdict: Verdict): SaslEnd => ({ kind: "verdict", login, verdict });

export const nothing: Buffer = Buffer.alloc(0);
