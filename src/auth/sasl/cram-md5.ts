import { createHmac } from "node:crypto";
import { type ByteString, fromBytes, toBytes } from "#bytes";
import { sameBytes } from "../same-bytes.ts";
import { ended, malformed, type SaslMechanism } from "./exchange.ts";

/** The proof: HMAC-MD5 of the challenge under the password, 32 hex digits (RFC 2195 §2). */
export function cramDigest(challenge: ByteString, secret: ByteString): string {
  return createHmac("md5", toBytes(secret)).update(challenge, "latin1").digest("hex");
}

/** True if `proof` is what a client that knows the secret answers to this challenge. */
export function fitsCram(proof: ByteString, challenge: ByteString, secret: ByteString): boolean {
  return challenge !== "" && sameBytes(toBytes(proof.toLowerCase()), toBytes(cramDigest(challenge, secret)));
}

/**
 * CRAM-MD5 (RFC 2195): the password is proved, not shown; so it must be kept in the clear. There is no initial response (RFC 4954 §4):
 * who sends one has misunderstood.
 */
export const cramMd5: SaslMechanism = async function* (initial, oracle, { hostName, nonce }) {
  if (initial !== null && initial.length > 0) return malformed;
  const challenge = `<${nonce()}@${hostName}>`;
  const response = fromBytes(yield toBytes(challenge));
  const [, name, proof] = /^([^\0]+) ([0-9a-f]{32})$/is.exec(response) ?? [];
  if (name === undefined || proof === undefined) return malformed;
  return ended(name, await oracle.proof(name, challenge, proof));
};
