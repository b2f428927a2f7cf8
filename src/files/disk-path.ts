import type { ByteString } from "#bytes";

const ascii = /^[\x01-\x7f]*$/;

/** A byte string as `fs` takes a path: octets beyond ASCII go to the disk as they are, not as the UTF-8 of their code points. */
export function diskPath(path: ByteString): string | Buffer {
  return ascii.test(path) ? path : Buffer.from(path, "latin1");
}
