import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DataDecoder } from "./data-decoder.ts";

type Result = { readonly kind: "more" | "end" | "bare-lf"; readonly message: string; readonly rest: string };

/** The rule, an octet at a time (RFC 5321 §4.5.2, spec 2.1), to hold the fast decoder against. */
function reference(input: string): Result {
  let message = "";
  let atLineStart = true;
  for (let i = 0; i < input.length; ) {
    if (atLineStart && input[i] === ".") {
      if (input.startsWith(".\r\n", i)) return { kind: "end", message, rest: input.slice(i + 3) };
      // The dot goes, unless a CR follows that ends no line: then it is kept.
      if (input[i + 1] === "\r") message += ".";
      i++;
      atLineStart = false;
    } else if (input.startsWith("\r\n", i)) {
      message += "\n";
      i += 2;
      atLineStart = true;
    } else if (input[i] === "\n") {
      return { kind: "bare-lf", message: "", rest: "" };
    } else {
      message += input[i++];
      atLineStart = false;
    }
  }
  return { kind: "more", message, rest: "" };
}

/** Feeds pieces (copies, for the decoder works in place) until the message ends. */
function decode(pieces: readonly string[]): Result {
  const decoder = new DataDecoder({ dots: true });
  let message = "";
  for (const [i, piece] of pieces.entries()) {
    const { kind, bytes, rest } = decoder.decode(Buffer.from(piece, "latin1"));
    if (kind === "bare-lf") return { kind, message: "", rest: "" };
    message += bytes.toString("latin1");
    if (kind === "end") return { kind, message, rest: rest.toString("latin1") + pieces.slice(i + 1).join("") };
  }
  return { kind: "more", message, rest: "" };
}

/** Cuts a text at the given places, in order; places beyond its end cut nothing. */
function cut(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return [...pieces, text.slice(at)];
}

/** Text in which the octets that mean something are common. */
const nasty = fc.string({
  unit: fc.constantFrom("\r", "\n", ".", "\0", "a", "\r\n", "\r\n.", "\r\n.\r\n", "\xff"),
  maxLength: 40,
});
const cuts = fc.array(fc.nat(6), { maxLength: 30 });

test("any bytes cut in any way give what an octet-by-octet reading gives [Q-029] [Q-031] [Q-032]", () => {
  fc.assert(
    fc.property(nasty, cuts, (text, lengths) => {
      // An unended message holds back what it cannot judge yet; ending it makes the two comparable.
      const whole = `${text}\r\n.\r\nNEXT`;
      assert.deepEqual(decode(cut(whole, lengths)), reference(whole));
    }),
    { numRuns: 20_000 },
  );
});

test("one octet at a time is read as all at once [Q-029] [Q-030]", () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const whole = `${text}\r\n.\r\n`;
      assert.deepEqual(decode([...whole]), decode([whole]));
    }),
    { numRuns: 5_000 },
  );
});

test("only CRLF dot CRLF ends a message; its smuggling cousins do not [Q-030]", () => {
  const enders = ["\n", "\r", "\r\n", "\0", "\r\r\n", "\n\r"];
  for (const before of enders) {
    for (const after of enders) {
      const smuggled = `body${before}.${after}MAIL FROM:<evil@x>\r\n.\r\n`;
      const { kind, rest } = decode([smuggled]);
      const isEnd = before.endsWith("\r\n") && after === "\r\n";
      if (isEnd) assert.equal(rest, "MAIL FROM:<evil@x>\r\n.\r\n");
      else if (/(?:^|[^\r])\n/.test(`${before}.${after}`))
        assert.equal(kind, "bare-lf", JSON.stringify([before, after]));
      else assert.deepEqual({ kind, rest }, { kind: "end", rest: "" }, JSON.stringify([before, after]));
    }
  }
});

const rows: readonly [sent: string, stored: string][] = [
  ["", ""],
  ["a\r\n", "a\n"],
  ["..a\r\n", ".a\n"],
  ["...a\r\n", "..a\n"],
  [".a\r\n", "a\n"],
  ["a.b\r\n.\r.\r\n", "a.b\n.\r.\n"],
  [".\rx\r\n", ".\rx\n"],
  [".\r\r\n", ".\r\n"],
  ["a\rb\r\r\n", "a\rb\r\n"],
  ["\0\xff\r\n", "\0\xff\n"],
  ["..\r\n", ".\n"],
];

test("a line's first dot goes once; bare CR, NUL and eight-bit octets stay [Q-029] [Q-031] [Q-032]", () => {
  for (const [sent, stored] of rows) {
    assert.deepEqual(
      decode([`${sent}.\r\nrest`]),
      { kind: "end", message: stored, rest: "rest" },
      JSON.stringify(sent),
    );
  }
});

test("BDAT has no dots and gets the LF its last line lacks (RFC 3030 §2)", () => {
  const decodeChunks = (...chunks: string[]): string => {
    const decoder = new DataDecoder({ dots: false });
    const bytes = chunks.map((chunk) => decoder.decode(Buffer.from(chunk, "latin1")).bytes.toString("latin1"));
    return bytes.join("") + decoder.finish().toString("latin1");
  };
  assert.equal(decodeChunks("..a\r\n.\r\nb\r\n"), "..a\n.\nb\n");
  assert.equal(decodeChunks("a\r", "\nb"), "a\nb\n");
  assert.equal(decodeChunks("a\r"), "a\r\n");
  assert.equal(decodeChunks(), "");
  assert.equal(new DataDecoder({ dots: false }).decode(Buffer.from("a\nb")).kind, "bare-lf");
});

test("a megabyte without any line end passes through", () => {
  const decoder = new DataDecoder({ dots: true });
  let length = 0;
  for (let i = 0; i < 16; i++) length += decoder.decode(Buffer.alloc(65_536, "x")).bytes.length;
  assert.equal(length, 1 << 20);
});
