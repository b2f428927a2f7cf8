import type { Dns } from "../dns.ts";
import { headerEnd } from "../header-fields.ts";
import { type Circumstances, inspectHeader, type Proof } from "../verify-message.ts";

/** All checks on. */
export const allChecks = { spf: true, dkim: true, dmarc: true, arc: true } as const;

/** Proves a whole message (LF ends), its body in pieces of `pieceBytes`. */
export function proveMessage(
  message: string | Buffer,
  dns: Dns,
  more: Partial<Circumstances> = {},
  pieceBytes = 1 << 20,
): Promise<Proof> {
  const bytes = typeof message === "string" ? Buffer.from(message, "latin1") : message;
  const found = headerEnd(bytes);
  const end = found < 0 ? bytes.length : found;
  const inspection = inspectHeader(bytes.subarray(0, end));
  for (let at = end + 1; at < bytes.length; at += pieceBytes) inspection.body(bytes.subarray(at, at + pieceBytes));
  return inspection.finish({
    sender: { ip: "192.0.2.1", helo: "mail.example.com", reversePath: "" },
    checks: allChecks,
    dns,
    receiver: "mx.heaven.test",
    nowSeconds: 1_528_637_910,
    ...more,
  });
}
