import type { ByteString } from "#bytes";
import type { Attempt, Finished } from "./matched.ts";

/** A report of qmailanalog that is a table. */
export type TableReport = {
  readonly heading: string;
  /** Without the blank lines around it. */
  readonly explanation: string;
  readonly columns: readonly string[];
  /** Which column the rows are sorted by; ascending, ties by the whole line. */
  readonly sortColumn: number;
  /** `_` is shown as a blank: the last column is a reason. */
  readonly isReason?: true;
  readonly newGathering: () => Gathering;
};

/** Takes matchup's lines in and gives a table's rows, in no order. */
export type Gathering = {
  take(record: Attempt | Finished): void;
  rows(): readonly (readonly ByteString[])[];
};

const lineOf = (row: readonly ByteString[]): ByteString => row.join(" ");

/** Rows in the order of `sort -n` on a column. */
export function sorted(
  rows: readonly (readonly ByteString[])[],
  column: number,
  descending: boolean,
): readonly (readonly ByteString[])[] {
  const sign = descending ? -1 : 1;
  const compared = (a: ByteString, b: ByteString): number => (a < b ? -1 : a > b ? 1 : 0);
  return rows.toSorted((a, b) => {
    const byNumber = Number(a[column]) - Number(b[column]);
    return sign * (byNumber !== 0 ? byNumber : compared(lineOf(a), lineOf(b)));
  });
}

/** The record of a key, made when it is first asked for. */
export function entry<T>(table: Map<ByteString, T>, key: ByteString, make: () => T): T {
  const known = table.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  table.set(key, fresh);
  return fresh;
}
