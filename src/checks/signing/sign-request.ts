import { fromBytes, toBytes } from "#bytes";

/**
 * What whoever sends asks of the signing service, on `run/sign`: one frame SIGN, one frame back. The signer sees a header and the hash of a body,
 * never a body; the sender never sees a key.
 */
export const signFrames = { sign: 1, signed: 2, refused: 3 } as const;

/** Where the signing service listens. */
export const signSocket = "run/sign";

export type SignRequest = {
  /** Whose keys are wanted. */
  readonly domain: string;
  /** SHA-256 of the body in relaxed form. */
  readonly bodyHash: Buffer;
  /** The header as it will be sent, LF ends. */
  readonly header: Buffer;
};

const hashBytes = 32;

/** `domain LF`, the hash, the header. */
export function renderSignRequest({ domain, bodyHash, header }: SignRequest): Buffer {
  return Buffer.concat([toBytes(`${domain}\n`), bodyHash, header]);
}

/** Null for anything else. */
export function parseSignRequest(payload: Buffer): SignRequest | null {
  const end = payload.indexOf(0x0a);
  const domain = fromBytes(payload.subarray(0, Math.max(0, end)));
  if (!/^[a-z0-9._-]{1,253}$/.test(domain) || payload.length < end + 1 + hashBytes) return null;
  const headerAt = end + 1 + hashBytes;
  return { domain, bodyHash: payload.subarray(end + 1, headerAt), header: payload.subarray(headerAt) };
}
