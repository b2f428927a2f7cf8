import type { ByteString } from "#bytes";
import { awkNumber } from "../awk-number.ts";
import { fieldsOf } from "../columns.ts";

/** A `d` line of matchup's output. Stamps are seconds since 1970. */
export type Attempt = {
  readonly kind: "d";
  /** k, z, d; any other word counts as none of them. */
  readonly result: ByteString;
  readonly birth: number;
  readonly start: number;
  readonly end: number;
  /** As it stands in the line. */
  readonly endText: ByteString;
  readonly bytes: number;
  readonly sender: ByteString;
  /** `remote.joe@example.com`. */
  readonly recipient: ByteString;
  readonly qp: ByteString;
  readonly uid: ByteString;
  readonly reason: ByteString;
};

/** An `m` line. */
export type Finished = {
  readonly kind: "m";
  readonly birth: number;
  readonly end: number;
  readonly endText: ByteString;
  readonly bytes: number;
  readonly successes: number;
  readonly failures: number;
  readonly deferrals: number;
  readonly sender: ByteString;
  readonly qp: ByteString;
  readonly uid: ByteString;
};

/** One line of matchup's output; null for lines the reports do not count. Whatever begins with d or m is read, as awk does. */
export function parseMatched(line: ByteString): Attempt | Finished | null {
  if (line.startsWith("d")) {
    const [, result = "", birth, start, end = "", bytes, sender = "", recipient = "", qp = "", uid = "", reason = ""] =
      fieldsOf(line);
    const times = { birth: awkNumber(birth), start: awkNumber(start), end: awkNumber(end), endText: end };
    return { kind: "d", result, ...times, bytes: awkNumber(bytes), sender, recipient, qp, uid, reason };
  }
  if (!line.startsWith("m")) return null;
  const [, birth, end = "", bytes, nk, nd, nz, sender = "", qp = "", uid = ""] = fieldsOf(line);
  return {
    kind: "m",
    birth: awkNumber(birth),
    end: awkNumber(end),
    endText: end,
    bytes: awkNumber(bytes),
    successes: awkNumber(nk),
    failures: awkNumber(nd),
    deferrals: awkNumber(nz),
    sender,
    qp,
    uid,
  };
}
