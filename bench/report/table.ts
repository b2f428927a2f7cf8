/** Tables for the terminal and for RESULTS.md. */

/** Heads and rows of words; each row has as many cells as there are heads. */
export type Table = { readonly heads: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** True for what is read as a number: `512 (378-534)`, `1.41x`, `-`. */
const isNumber = (text: string): boolean => /^[0-9.-]+([ x%(].*)?$/.test(text);

/** A table with its columns aligned, numbers to the right, words to the left. */
export function alignedTable({ heads, rows }: Table): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const toRight = heads.map((_, column) => rows.every((row) => isNumber(row[column] ?? "")));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, column) => (toRight[column] === true ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd();
  return [line(heads), ...rows.map(line)].join("\n");
}

/** The same for Markdown. */
export function markdownTable({ heads, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
