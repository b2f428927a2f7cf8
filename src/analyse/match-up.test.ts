import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MatchUp } from "./matching/index.ts";

/** What comes out, and what is pending, of a log given in chunks. */
function matchUp(...chunks: readonly string[]): { readonly out: string; readonly pending: string } {
  const matching = new MatchUp();
  const out = chunks.map((chunk) => matching.take(Buffer.from(chunk, "latin1"))).join("");
  return { out, pending: [...matching.pending()].join("") };
}

const golden = `1.0 new msg 7
1.1 info msg 7: bytes 2000 from <A@X.Y> qp 55 uid 1000
1.5 starting delivery 3: msg 7 to remote Joe@Example.COM
2.25 delivery 3: success: 192.0.2.1_accepted_message./
2.5 end msg 7
`;
const goldenOut = `d k 1.1 1.5 2.25 2000 <a@x.y> remote.joe@example.com 55 1000 192.0.2.1_accepted_message./
m 1.1 2.5 2000 1 0 0 <a@x.y> 55 1000
`;

test("a delivery and its message become a line each, addresses in lower case [L-001] [L-003]", () => {
  assert.deepEqual(matchUp(golden), { out: goldenOut, pending: "" });
});

test("what is unfinished is left as lines that the next run reads first, and nothing is lost or doubled [L-002] [L-015]", () => {
  const lines = golden.split(/(?<=\n)/);
  const cut = matchUp(lines.slice(0, 3).join(""));
  assert.deepEqual(cut, {
    out: "",
    pending:
      "1.1 info msg 7: bytes 2000 from <a@x.y> qp 55 uid 1000\n1.1 extra 7 0 0 0\n" +
      "1.5 starting delivery 3: msg 7 to remote joe@example.com\n",
  });
  assert.deepEqual(matchUp(cut.pending, lines.slice(3).join("")), { out: goldenOut, pending: "" });
});

test("a log cut anywhere, even within a line, comes out the same as one that was not [L-002] [L-014]", () => {
  const log = `${golden}3 starting delivery 4: msg 9 to local bob@h
3.1 info msg 8: bytes 5 from <> qp 8 uid 0
3.2 starting delivery 5: msg 8 to local amy@h
3.3 delivery 5: deferral: later/
3.4 starting delivery 6: msg 8 to local bob@h
3.5 delivery 6: failure: no/
3.6 status: local 1/10 remote 0/20
4 starting delivery 7: msg 8 to local amy@h
5 delivery 7: success: did_1+0+0/
5 delivery 4: report mangled, will defer
6 end msg 8
`;
  const whole = matchUp(log);
  for (let at = 0; at <= log.length; at++) {
    const first = matchUp(log.slice(0, at));
    const second = matchUp(first.pending + log.slice(at));
    assert.equal(first.out + second.out, whole.out, `cut at ${at}`);
    assert.equal(second.pending, whole.pending);
    assert.deepEqual(matchUp(log.slice(0, at), log.slice(at)), whole, `chunks cut at ${at}`);
  }
  assert.match(whole.out, /^m 3\.1 6 5 1 1 1 <> 8 0$/m);
});

test("messages and deliveries: the order of numbers in m lines is k, d, z, in extra lines k, z, d [L-015]", () => {
  const log = `1 info msg 8: bytes 5 from <> qp 8 uid 0
1 extra 8 30 20 10
`;
  assert.equal(matchUp(log).pending, log);
  assert.equal(matchUp(`${log}2 end msg 8\n`).out, "m 1 2 5 30 10 20 <> 8 0\n");
});

/** Lines in, lines out: what is not in order. */
const irregular: readonly (readonly [sentence: string, input: string, output: string])[] = [
  ["a delivery that was never started is dropped [L-007]", "1 delivery 9: success: x/\n", ""],
  [
    "a delivery whose message is unknown has its own start for a birth, no bytes and question marks [L-006]",
    "1 starting delivery 4: msg 99 to local Bob@H\n2 delivery 4: success: did_1+0+0/\n",
    "d k 1 1 2 0 ? local.bob@h ? ? did_1+0+0/\n",
  ],
  [
    "a mangled report is a deferral [L-005]",
    "1 starting delivery 4: msg 99 to local Bob@H\n2 delivery 4: report mangled, will defer\n",
    "d z 1 1 2 0 ? local.bob@h ? ? report_mangled\n",
  ],
  [
    "results go by how their words begin [L-004]",
    "1 starting delivery 1: msg 9 to local a@h\n1 starting delivery 2: msg 9 to local a@h\n" +
      "1 starting delivery 3: msg 9 to local a@h\n" +
      "2 delivery 1: succeeded: a/\n2 delivery 2: failed: b/\n2 delivery 3: deferred: c/\n",
    "d k 1 1 2 0 ? local.a@h ? ? a/\nd d 1 1 2 0 ? local.a@h ? ? b/\nd z 1 1 2 0 ? local.a@h ? ? c/\n",
  ],
  [
    "warnings and alerts pass as they are [L-011]",
    "3 warning: foo  bar\n4 alert: x\n",
    "3 warning: foo  bar\n4 alert: x\n",
  ],
  [
    "lines nobody knows are marked [L-012]",
    "4 bounce msg 5 qp 6\n5 triple bounce: discarding bounce/7\n\nx\n",
    "? 4 bounce msg 5 qp 6\n? 5 triple bounce: discarding bounce/7\n? \n? x\n",
  ],
  [
    "lines of state vanish [L-013]",
    "6 running\n7 status: local 0/10 remote 0/20\n8 number of deliveries left before exiting: 3\n",
    "",
  ],
  [
    "a start or an end of the queue forgets deliveries and keeps messages [L-008]",
    "1 info msg 8: bytes 5 from <> qp 8 uid 0\n1 starting delivery 1: msg 8 to local a@h\n2 running\n" +
      "3 delivery 1: success: x/\n4 starting delivery 2: msg 8 to local a@h\n5 exiting\n5 delivery 2: success: x/\n6 end msg 8\n",
    "m 1 6 5 0 0 0 <> 8 0\n",
  ],
  [
    "a new message with the number of an old one forgets the old one [L-009]",
    "1 info msg 8: bytes 5 from <> qp 8 uid 0\n2 new msg 8\n3 end msg 8\n",
    "",
  ],
  ["an end without info prints nothing [L-010]", "1 new msg 8\n2 end msg 8\n", ""],
  [
    "a delivery number that is used again stands for the later start",
    "1 starting delivery 1: msg 8 to local a@h\n2 starting delivery 1: msg 8 to local b@h\n3 delivery 1: success: x/\n",
    "d k 2 2 3 0 ? local.b@h ? ? x/\n",
  ],
  [
    "indimail's delivery numbers with a queue behind the dot are kept apart",
    "1 starting delivery 1.1: msg 8 to local a@h\n1 starting delivery 1.2: msg 9 to local b@h\n3 delivery 1.1: success: x/\n",
    "d k 1 1 3 0 ? local.a@h ? ? x/\n",
  ],
  [
    "numbers beyond what a double holds keep their digits",
    "1 info msg 18446744073709551615: bytes 5 from <> qp 18446744073709551614 uid 0\n2 end msg 18446744073709551615\n",
    "m 1 2 5 0 0 0 <> 18446744073709551614 0\n",
  ],
];
for (const [sentence, input, output] of irregular) {
  test(sentence, () => assert.equal(matchUp(input).out, output));
}

test("stamps of other kinds become seconds [L-017]", () => {
  const tai = (text: string) => `@4000000037c219bf2ef02e94 ${text}\n`;
  const log = tai("info msg 8: bytes 5 from <> qp 8 uid 0") + tai("starting delivery 1: msg 8 to local a@h");
  const half = matchUp(log);
  const second = "935467445.787492500";
  assert.equal(
    half.pending,
    `${second} info msg 8: bytes 5 from <> qp 8 uid 0\n${second} extra 8 0 0 0\n${second} starting delivery 1: msg 8 to local a@h\n`,
  );
  assert.equal(
    matchUp(log, "2026-11-22T10:00:00.5+01:00 delivery 1: success: x/\n").out,
    `d k ${second} ${second} 1795338000.500000000 5 <> local.a@h 8 0 x/\n`,
  );
  const local = new Date("2026-11-22T10:00:00").getTime() / 1000;
  assert.equal(
    matchUp(log, "2026-11-22 10:00:00.123456789 end msg 8\n").out,
    `m ${second} ${local}.123456789 5 0 0 0 <> 8 0\n`,
  );
});

test("a hundred thousand open deliveries cost no more per line than one [L-019]", () => {
  // As many comparisons as a search through a list would make (5 * 10^9) take minutes; this takes part of a second.
  const count = 100_000;
  const lines = (line: (n: number) => string): string => Array.from({ length: count }, (_, n) => line(n)).join("");
  const starts = lines((n) => `1 starting delivery ${n}: msg ${n} to local a@h\n`);
  const ends = lines((n) => `2 delivery ${count - 1 - n}: success: x/\n`);
  const { out, pending } = matchUp(starts, ends);
  assert.equal(out.length, count * "d k 1 1 2 0 ? local.a@h ? ? x/\n".length);
  assert.equal(pending, "");
});

test("any bytes in any chunks are taken without a throw, and the chunks make no difference", () => {
  const word = fc.constantFrom(
    "1.5 ",
    "@40",
    "delivery ",
    "starting ",
    "info ",
    "msg ",
    "7",
    ": ",
    "success",
    "\n",
    "\n",
    " ",
    "\xff",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), fc.nat(200), (words, at) => {
      const log = words.join("");
      assert.deepEqual(matchUp(log.slice(0, at), log.slice(at)), matchUp(log));
    }),
  );
});
