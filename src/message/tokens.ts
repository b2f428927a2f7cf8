import type { ByteString } from "#bytes";

/** A word of a structured field: its text is unquoted, a comment's nested parentheses are flattened. */
export type WordToken = {
  readonly kind: "atom" | "quote" | "literal" | "comment";
  readonly text: ByteString;
};

/** A special of RFC 822 §3.3 that divides words. */
export type SpecialToken = { readonly kind: "at" | "dot" | "comma" | "colon" | "semi" | "left" | "right" };

/** A lexical token of RFC 822 §3.3. */
export type Token = WordToken | SpecialToken;

/** The specials by name; a special carries nothing, so there is one object of each. */
export const special = {
  at: { kind: "at" },
  dot: { kind: "dot" },
  comma: { kind: "comma" },
  colon: { kind: "colon" },
  semi: { kind: "semi" },
  left: { kind: "left" },
  right: { kind: "right" },
} as const satisfies Record<SpecialToken["kind"], SpecialToken>;

const specialByOctet: ReadonlyMap<number, SpecialToken> = new Map<number, SpecialToken>([
  [0x40, special.at],
  [0x2e, special.dot],
  [0x2c, special.comma],
  [0x3a, special.colon],
  [0x3b, special.semi],
  [0x3c, special.left],
  [0x3e, special.right],
]);

const backslash = 0x5c;
const openParenthesis = 0x28;
const closeParenthesis = 0x29;
const doubleQuote = 0x22;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** 1 for the octets that end an atom. `)` and `]` do not: they are an error only where a token would begin. */
const endsAtom = new Uint8Array(256);
for (const octet of ' \t\r\n(["<>;:@,.') endsAtom[octet.charCodeAt(0)] = 1;

/** Only these octets may stand in an atom as they are; any other (met behind a backslash, or 8-bit) needs quotes. */
const plainAtom = /^[^\x00-\x20\x7f-\xff()[\]\\"<>;:@,.]*$/;
const folding = /\r?\n(?=[ \t])/g;

/** A word for a text that came without quotes: an atom if it can be one, else a quoted string. */
export function wordFor(text: ByteString): WordToken {
  return { kind: plainAtom.test(text) ? "atom" : "quote", text };
}

/** What a scan of one word found: its text, and where the next token begins. */
type Scan = { readonly text: ByteString; readonly next: number };

/** Reads an atom from `at`; a backslash takes the octet behind it, a last lone backslash is dropped. */
function scanAtom(line: ByteString, at: number): Scan {
  let text = "";
  let from = at;
  let i = at;
  for (; i < line.length; i++) {
    const octet = line.charCodeAt(i);
    if (octet === backslash) {
      text += line.slice(from, i);
      from = ++i;
    } else if (endsAtom[octet & 0xff] === 1) break;
  }
  return { text: text + line.slice(from, i), next: Math.min(i, line.length) };
}

/** Reads to the octet that closes what was opened before `at`; null if it never comes. */
function scanEnclosed(line: ByteString, at: number, open: number, close: number): Scan | null {
  let text = "";
  let from = at;
  let level = 1;
  for (let i = at; i < line.length; i++) {
    const octet = line.charCodeAt(i);
    if (octet === backslash) {
      text += line.slice(from, i);
      from = ++i;
    } else if (octet === close || octet === open) {
      text += line.slice(from, i);
      from = i + 1;
      level += octet === close ? -1 : 1;
      if (level === 0) return { text, next: i + 1 };
    }
  }
  return null;
}

function scanWord(line: ByteString, at: number): { readonly token: WordToken; readonly next: number } | null {
  const enclosed = (kind: "comment" | "quote" | "literal", open: number, close: number) => {
    const scan = scanEnclosed(line, at + 1, open, close);
    return scan === null ? null : { token: { kind, text: scan.text }, next: scan.next };
  };
  switch (line.charCodeAt(at)) {
    case openParenthesis:
      return enclosed("comment", openParenthesis, closeParenthesis);
    case doubleQuote:
      return enclosed("quote", -1, doubleQuote);
    case openBracket:
      return enclosed("literal", -1, closeBracket);
    case closeParenthesis:
    case closeBracket:
      return null;
    default: {
      const scan = scanAtom(line, at);
      return { token: wordFor(scan.text), next: scan.next };
    }
  }
}

/**
 * The value of a structured field as tokens (RFC 822 §3.3); folded lines are unfolded first. Null for an unbalanced
 * parenthesis, bracket or quote. Linear in the length; never throws. `tokenize("joe@sun")?.length === 3`.
 */
export function tokenize(value: ByteString): Token[] | null {
  const line = value.replace(folding, "");
  const tokens: Token[] = [];
  for (let at = 0; at < line.length; ) {
    const octet = line.charCodeAt(at);
    const known = specialByOctet.get(octet);
    if (known !== undefined || octet === 0x20 || octet === 0x09 || octet === 0x0a || octet === 0x0d) {
      if (known !== undefined) tokens.push(known);
      at++;
      continue;
    }
    const word = scanWord(line, at);
    if (word === null) return null;
    tokens.push(word.token);
    at = word.next;
  }
  return tokens;
}
