import type { ByteFilter } from "./carriage-returns.ts";

/** recordio reads this much at a time; a line is logged in such pieces. */
const pieceBytes = 256;
const lf = 0x0a;

/**
 * Lets octets pass unchanged, and logs them: a line with a blank behind it, a piece that does not end a line with `+`, the end as `[EOF]`.
 * `log` gets lines with their LF, as bytes in text.
 */
export function recorder(log: (line: string) => void): ByteFilter {
  return (chunk) => {
    if (chunk === null) {
      log("[EOF]\n");
      return Buffer.alloc(0);
    }
    for (let at = 0; at < chunk.length; at += pieceBytes) logPiece(chunk.subarray(at, at + pieceBytes), log);
    return chunk;
  };
}

function logPiece(piece: Buffer, log: (line: string) => void): void {
  for (let at = 0; at < piece.length; ) {
    const end = piece.indexOf(lf, at);
    const line = piece.toString("latin1", at, end < 0 ? piece.length : end);
    log(end < 0 ? `${line}+\n` : `${line} \n`);
    at = end < 0 ? piece.length : end + 1;
  }
}
