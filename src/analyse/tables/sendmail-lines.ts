import type { ByteString } from "#bytes";
import { awkText, fixed } from "../awk-number.ts";
import { parseMatched } from "./matched.ts";

const stats: ReadonlyMap<ByteString, string> = new Map([
  ["k", "Sent"],
  ["d", "Failed"],
]);

/** zsendmail: a line of matchup's output as sendmail would have logged it; any other line as it is (spec, section 7). */
export function sendmailLine(line: ByteString): ByteString {
  const record = parseMatched(line);
  if (record === null) return line;
  if (record.kind === "d") {
    const { endText, qp, recipient, uid, end, birth, start, result, reason } = record;
    const delays = `ddelay=${fixed(end - birth, 6)}, xdelay=${fixed(end - start, 6)}`;
    return `${endText} qp ${qp}: to=${recipient}, uid=${uid}, ${delays}, stat=${stats.get(result) ?? "Deferred"} (${reason})`;
  }
  const { endText, qp, sender, uid, bytes, successes, failures, deferrals, end, birth } = record;
  const counts = `size=${awkText(bytes)}, nrcpts=${awkText(successes + failures)}, deferrals=${awkText(deferrals)}`;
  return `${endText} qp ${qp}: from=${sender}, uid=${uid}, ${counts}, qtime=${fixed(end - birth, 6)}`;
}
