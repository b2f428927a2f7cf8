import { createHash } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { sameBytes } from "./same-bytes.ts";

/** APOP's digest, 32 hex digits: MD5 of the greeting's timestamp (angle brackets included) and the shared secret (RFC 1939 §7). */
export function apopDigest(timestamp: ByteString, secret: ByteString): string {
  return createHash("md5").update(timestamp, "latin1").update(secret, "latin1").digest("hex");
}

/** True if `digest` is what a client that knows the secret answers to this timestamp. */
export function fitsApop(digest: ByteString, timestamp: ByteString, secret: ByteString): boolean {
  return timestamp !== "" && sameBytes(toBytes(digest.toLowerCase()), toBytes(apopDigest(timestamp, secret)));
}
