import type { ByteString } from "#bytes";

/** Fields of a line: runs of anything but blanks and tabs. */
export const fieldsOf = (line: ByteString): readonly ByteString[] => line.match(/[^ \t]+/g) ?? [];

/**
 * Rows as columnt prints them (spec, section 4): each column but the table's last is right-justified to its widest field and followed by
 * two blanks; a row with fewer fields ends behind them, an empty one is an empty line.
 */
export function columns(rows: readonly (readonly ByteString[])[]): ByteString {
  const widths: number[] = [];
  for (const row of rows) {
    for (let at = 0; at < row.length; at++) widths[at] = Math.max(widths[at] ?? 0, row[at]!.length);
  }
  const last = widths.length - 1;
  const cell = (field: ByteString, at: number): ByteString =>
    at === last ? field : `${field.padStart(widths[at]!)}  `;
  return rows.map((row) => `${row.map(cell).join("")}\n`).join("");
}

/** The same for text; a last line without LF gets one, and no text stays none. */
export function columnText(text: ByteString): ByteString {
  if (text === "") return "";
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  return columns(lines.map(fieldsOf));
}
