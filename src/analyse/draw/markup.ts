const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Markup that is safe to put into a page: made by `html` or `raw` alone. */
export type Markup = { readonly markup: string };

/** Text for a page: characters that mean something to HTML are escaped, control and direction characters are `_`. */
export const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "_").replace(/[&<>"']/g, (each) => entities[each] ?? "");

const isMarkup = (value: unknown): value is Markup => typeof value === "object" && value !== null && "markup" in value;

type Part = string | number | Markup | readonly Markup[];

function partText(part: Part): string {
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escaped(part);
  return isMarkup(part) ? part.markup : part.map(({ markup }) => markup).join("");
}

/** A template of markup: every string that is put in is escaped, so what strangers wrote into a log stays text. */
export function html(template: readonly string[], ...parts: readonly Part[]): Markup {
  return { markup: template.map((text, at) => text + (at < parts.length ? partText(parts[at]!) : "")).join("") };
}

/** Our own constant text (a style sheet), as it stands. */
export const raw = (text: string): Markup => ({ markup: text });
