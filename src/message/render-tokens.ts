import type { ByteString } from "#bytes";
import { special, type Token } from "./tokens.ts";

/** Lines are folded after a comma when they would grow beyond this many octets (qmail's 80). */
export const foldColumns = 80;

const isWord: Readonly<Record<Token["kind"], boolean>> = {
  atom: true,
  quote: true,
  literal: true,
  comment: true,
  at: false,
  dot: false,
  comma: false,
  colon: false,
  semi: false,
  left: false,
  right: false,
};

const glyph = { at: "@", dot: ".", comma: ",", colon: ":", semi: ";", left: "<", right: ">" } as const;
const needsBackslash = /["[\]()\\\r\n]/;
const needBackslash = /["[\]()\\\r\n]/g;

function escaped(text: ByteString): ByteString {
  return needsBackslash.test(text) ? text.replace(needBackslash, "\\$&") : text;
}

function textOf(token: Token): ByteString {
  switch (token.kind) {
    case "atom":
      return escaped(token.text);
    case "quote":
      return `"${escaped(token.text)}"`;
    case "literal":
      return `[${escaped(token.text)}]`;
    case "comment":
      return `(${escaped(token.text)})`;
    default:
      return glyph[token.kind];
  }
}

/** A blank goes behind a comma or a colon, before `<`, and between two words; nowhere else. */
function blankBetween(left: Token, right: Token): boolean {
  return (
    left.kind === "comma" || left.kind === "colon" || right.kind === "left" || (isWord[left.kind] && isWord[right.kind])
  );
}

/** Joins pieces that each end in a comma (the last need not) into lines of at most `foldColumns` where that is possible. */
function fold(pieces: readonly ByteString[]): ByteString {
  const lines: ByteString[] = [];
  let line = pieces[0] ?? "";
  for (const piece of pieces.slice(1)) {
    // The 2 are the LF and blank a fold here would cost; qmail counts them in, and mail is compared with qmail's.
    if (piece === "" || line.length + 2 + piece.length <= foldColumns) line += piece;
    else {
      lines.push(line);
      line = ` ${piece}`;
    }
  }
  return `${[...lines, line].join("\n")}\n`;
}

/**
 * A whole field with its final LF: `name:`, then the tokens as qmail spaces them, folded after commas with LF and two blanks.
 * Words are quoted where they must be. The name is taken as it is.
 */
export function renderField(name: ByteString, value: readonly Token[]): ByteString {
  const pieces: ByteString[] = [];
  let piece: ByteString = `${name}:`;
  let last: Token = special.colon;
  for (const token of value) {
    piece += blankBetween(last, token) ? ` ${textOf(token)}` : textOf(token);
    last = token;
    if (token.kind !== "comma") continue;
    pieces.push(piece);
    piece = "";
  }
  return fold([...pieces, piece]);
}

/** An address in envelope form: no quotes, no comments. `unquoteTokens(tokenize('"a b"@c')!) === "a b@c"`. */
export function unquoteTokens(tokens: readonly Token[]): ByteString {
  let text = "";
  for (const token of tokens) {
    if (token.kind === "literal") text += `[${token.text}]`;
    else if (token.kind === "atom" || token.kind === "quote") text += token.text;
    else if (token.kind !== "comment") text += glyph[token.kind];
  }
  return text;
}
