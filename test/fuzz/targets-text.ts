/** Headers, addresses, dates, log lines, and the files people write: control files, .qmail, users/assign, rules, databases. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parseQsbmf } from "#bounce";
import { fromBytes, toBytes } from "#bytes";
import { catalogue, checkText } from "#control";
import { openCdbSync, renderCdb } from "#files";
import { QueueEnvelopeReader } from "#inject";
import { parseInstructions } from "#local";
import { eventLine, externalTai64n, readStamped, safe } from "#log";
import { expandVerp, isVerpTemplate, parseAddress, quoteAddress } from "#mail";
import { quoteMboxrd } from "#mailbox";
import {
  fieldKey,
  fieldName,
  fieldValue,
  HeaderSplitter,
  mailDate,
  renderField,
  rewriteAddressField,
  scanHeader,
  splitHeader,
  tokenize,
  unquoteTokens,
  zonedMailDate,
} from "#message";
import { parseNetworks, parseTcpRules } from "#net";
import { parsePlainCommand } from "#process";
import { parsePath } from "#smtp";
import { compileAssign, openAssigned, parseAssign, parsePasswd } from "#users";
import { storyOf } from "../../src/operate/trace.ts";
import { leadingNumber, parseApop, parseCommand, parsePlain } from "../../src/pop3/command.ts";
import { cuts, inPieces, mixOf, octets, tornFrom } from "./inputs.ts";
import { type Target, target } from "./target.ts";

/** A field's lines go on with a blank, or there would be another field. */
const listText = mixOf([
  "joe",
  "@",
  "sun",
  "Joe Doe ",
  "<joe@sun>",
  "list: a, b;",
  "(c)",
  '"q"',
  "[1.2.3.4]",
  "\n ",
  ", ",
]).map((text) => text.replace(/\n(?![ \t])/g, ""));
const headerText = mixOf([
  "Subject: x\n",
  "To: a@b\n",
  " more\n",
  "\n",
  "From x\n",
  "Name :\n",
  "Received: y\n",
  "no field",
]);
const rulesText = mixOf([
  "1.2.3.4",
  "10.",
  "10-20.",
  ":allow",
  ":deny",
  ',A="b"',
  ",!C",
  "=host.test",
  "=",
  "::1",
  "/8",
  "\n",
  "a@",
]);
const assignText = mixOf([
  "=joe:",
  "+j-:",
  "joe:1000:1000:/home/joe:-:ext:",
  ":::::::",
  "\n",
  ".\n",
  "=x:u:1:2:/h:::\n",
]);

/** A file that is made, looked at and gone. */
function inFile<T>(content: string | Uint8Array, look: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "quail-fuzz-"));
  try {
    const path = join(folder, "file");
    writeFileSync(path, typeof content === "string" ? toBytes(content) : content);
    return look(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The one failure a reader of a broken database may have: a sentence, at once. */
function orCorrupt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.match(String((error as Error).message), /constant database|users\/cdb/);
  }
}

const cdbText = fc
  .array(fc.tuple(octets(6), octets(10)), { maxLength: 6 })
  .map((records) => fromBytes(renderCdb(records.map(([key, data]) => [toBytes(key), toBytes(data)] as const))));

export const textTargets: readonly Target[] = [
  target("address", octets(60), (text) => {
    const address = parseAddress(text);
    if (address === null) return assert.ok(text.includes("\0"));
    // What goes out quoted comes in as it was: line ends apart, which cannot be sent at all.
    if (!/[\r\n]/.test(text) && /^[^@]*@[a-z.]*$/.test(text) && !text.startsWith("@"))
      assert.equal(parsePath(`TO:<${quoteAddress(address)}>`)?.address, text);
    if (!isVerpTemplate(address)) assert.equal(expandVerp(address, address), address);
  }),
  target("address-field", listText, (text) => {
    const tokens = tokenize(text);
    // A backslash with nothing behind it is a word without letters, as in qmail: there is no other way to write one.
    if (tokens === null || tokens.some((token) => token.kind === "atom" && token.text === "")) return;
    const field = renderField("To", tokens);
    assert.ok(field.endsWith("\n") && !/\n[^ \t]/.test(field.slice(0, -1)));
    assert.deepEqual(tokenize(fieldValue(field)), tokens);
    const rewritten = rewriteAddressField(`To:${text}\n`, (address) => address);
    if (rewritten.field === null) return;
    const again = rewriteAddressField(rewritten.field, (address) => address);
    assert.deepEqual(again, rewritten);
    assert.equal(typeof unquoteTokens(tokens), "string");
  }),
  target("header", fc.tuple(headerText, cuts), ([text, sizes]) => {
    const whole = splitHeader(toBytes(text));
    const splitter = new HeaderSplitter();
    let split: ReturnType<typeof splitHeader> | null = null;
    let behind = "";
    for (const piece of inPieces(text, sizes)) {
      if (split === null) split = splitter.push(piece);
      else behind += fromBytes(piece);
    }
    split ??= splitter.end();
    const body = fromBytes(split.body) + behind;
    assert.deepEqual(split.fields, whole.fields);
    assert.equal(body === "" || body.endsWith("\n") ? body : `${body}\n`, fromBytes(whole.body));
    for (const field of whole.fields) assert.equal(fieldKey(field), fieldName(field).toLowerCase());
    assert.ok(scanHeader(toBytes(text)).bodyAt <= text.length);
  }),
  target(
    "date",
    fc.tuple(fc.integer({ min: 0, max: 4_102_444_800 }), fc.integer({ min: -840, max: 840 })),
    ([seconds, zone]) => {
      const moment = new Date(seconds * 1000);
      assert.equal(Date.parse(mailDate(moment)), seconds * 1000);
      assert.equal(Date.parse(zonedMailDate(moment, zone)), seconds * 1000);
    },
  ),
  target(
    "log-line",
    fc.oneof(mixOf(["@4000000037c219bf2ef02e94 ", "@", "new msg 7", "delivery 1: "]), octets(60)),
    (text) => {
      assert.match(safe(text), /^[\x21-\x7e]*$/);
      assert.match(eventLine("x", { a: text, b: 1 }), /^x a=[\x21-\x7e]+ b=1$/);
      storyOf(7)(text);
      const line = readStamped(text);
      if (line !== null) {
        const ms = line.at.getTime();
        const stamp = externalTai64n(Math.floor(ms / 1000), (ms - Math.floor(ms / 1000) * 1000) * 1_000_000);
        if (ms >= 0) assert.deepEqual(readStamped(`${stamp} ${line.text}`), line);
      }
    },
  ),
  target(
    "pop3-command",
    fc.oneof(mixOf(["USER ", "RETR 1", " ", "99999999999999999999", "APOP a b", "AGE="]), octets(40)),
    (text) => {
      const { verb, arg } = parseCommand(text);
      assert.ok(!verb.includes(" ") && !arg.startsWith(" ") && text.endsWith(arg));
      const number = leadingNumber(arg);
      if (number !== null) assert.ok(Number.isSafeInteger(number.number) && arg.endsWith(number.rest));
      const apop = parseApop(arg);
      if (apop !== null) assert.ok(!/ /.test(apop.login + apop.digest));
      const plain = parsePlain(Buffer.from(text, "latin1").toString("base64"));
      if (plain !== null)
        assert.ok(plain.login !== "" && plain.secret !== "" && !`${plain.login}${plain.secret}`.includes("\0"));
      parsePlain(text);
    },
  ),
  target("queue-envelope", fc.tuple(mixOf(["F", "Fa@b\0", "Tc@d\0", "T", "\0", "a"]), cuts), ([text, sizes]) => {
    const read = (some: readonly number[]): unknown => {
      const reader = new QueueEnvelopeReader(20);
      for (const piece of inPieces(text, some)) {
        const result = reader.push(piece);
        if (result !== null) return result;
      }
      return reader.end();
    };
    assert.deepEqual(read(sizes), read([]));
  }),
  target(
    "qsbmf",
    mixOf(["Hi. This is the ", "qmail-send program", "\n", "\n\n", "<a@b>:\n", "--- Below", "no\n"]),
    (text) => {
      const report = parseQsbmf(text);
      if (report !== null) assert.ok(text.includes(report.original));
    },
  ),
  target("mboxrd", fc.tuple(mixOf(["From ", ">From ", ">", "\n", "Fro", "m x\n", "F"]), cuts), ([text, sizes]) => {
    const quoted = (some: readonly number[]): string => {
      const quoter = quoteMboxrd();
      const pieces = inPieces(text, some).flatMap((piece) => quoter.push(piece));
      return fromBytes(Buffer.concat([...pieces, ...quoter.end()]));
    };
    const whole = quoted([]);
    assert.equal(quoted(sizes), whole);
    const plain = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    assert.equal(whole.replace(/(^|\n)>(>*From )/g, "$1$2"), plain);
    assert.doesNotMatch(whole, /(?:^|\n)From /);
  }),
  target(
    "qmail-file",
    fc.oneof(mixOf(["./Maildir/\n", "&joe@x\n", "|cmd\n", "# c\n", "\n", " ", "+list\n", "joe", "/"]), octets(60)),
    (text) => {
      for (const instruction of parseInstructions(text)) {
        const value = Object.values(instruction).join("");
        assert.ok(!value.includes("\n") && !value.includes("\0"));
      }
    },
  ),
  target("command-line", mixOf(["forward ", "$EXT", "${EXT}", '"', "'", "\\", "`", "a b", "|", "$(x)"]), (text) => {
    const words = parsePlainCommand(text, { EXT: "joe" });
    if (words !== null) assert.doesNotMatch(text.replace(/'[^']*'|"(?:\\.|[^"\\])*"|\\./gs, ""), /[|&;<>()`]/);
  }),
  target(
    "control-file",
    fc.tuple(fc.constantFrom(...catalogue.keys()), fc.oneof(mixOf(["a.test", "\n", "#", ":", "1", " "]), octets(40))),
    ([name, text]) => {
      for (const { line, level } of checkText(name, catalogue.get(name)!, text)) {
        assert.ok(line === null || (line >= 1 && line <= text.split("\n").length));
        assert.ok(level === "error" || level === "warning");
      }
    },
  ),
  target(
    "tcprules",
    fc.tuple(rulesText, fc.constantFrom("1.2.3.4", "10.0.0.1", "::1", "2001:db8::1", "")),
    ([text, ip]) => {
      const rules = parseTcpRules(text);
      if ("kind" in rules) return assert.ok(text.split("\n")[rules.line - 1]?.startsWith(rules.text));
      for (const peer of [{ ip }, { ip, host: "host.test" }, { ip, host: "a.host.test", info: "a" }])
        assert.match(rules.find(peer).verdict, /^(?:allow|deny)$/);
      parseNetworks(text.split("\n"));
    },
  ),
  target(
    "users-assign",
    fc.tuple(
      fc.oneof(
        assignText,
        assignText.map((text) => `${text}\n.\n`),
      ),
      octets(10),
    ),
    ([text, local]) => {
      parsePasswd(text);
      const entries = parseAssign(text);
      if ("kind" in entries) return assert.ok(entries.line >= 1 && entries.line <= text.split("\n").length);
      inFile(compileAssign(entries), (path) => {
        const find = openAssigned(path);
        orCorrupt(() => find(local));
        for (const entry of entries) orCorrupt(() => assert.notEqual(find(entry.local), null));
      });
    },
  ),
  target("cdb", fc.tuple(fc.oneof(cdbText, tornFrom(cdbText), octets(3000)), octets(6)), ([text, key]) => {
    inFile(text, (path) => {
      for (const kept of [0, 1 << 20]) {
        orCorrupt(() => {
          const cdb = openCdbSync(path, kept);
          try {
            cdb?.get(toBytes(key));
          } finally {
            cdb?.close();
          }
        });
      }
    });
  }),
];
