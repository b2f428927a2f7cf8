import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { parseApop, parseCommand, parsePlain } from "./command.ts";
import { greeting, type LoginHouse, type LoginStep, type LoginTry, newLoginTalk, nextLogin } from "./login-session.ts";
import { say } from "./say.ts";
import { play, wirePair } from "./testing.ts";

const open: LoginHouse = { dialect: "current", timestamp: null, takesPlain: () => true, startTls: null };
const classic: LoginHouse = { ...open, dialect: "classic", timestamp: "<1.2@mx.test>" };

/** Plays a script before login; each claim is refused until `tries` are used up. */
async function talkTo(house: LoginHouse, script: string, tries = 1): Promise<{ claims: LoginTry[]; last: LoginStep }> {
  const { wire, client } = wirePair();
  const talk = newLoginTalk(wire);
  const claims: LoginTry[] = [];
  const served = (async (): Promise<LoginStep> => {
    for (;;) {
      const step = await nextLogin(talk, house);
      if (step.kind === "try") claims.push(step.claim);
      if (step.kind !== "try" || claims.length >= tries) {
        await talk.wire.end();
        return step;
      }
      talk.wire.write(say.refusedCoded);
    }
  })();
  await play(client, script);
  client.destroy();
  return { claims, last: await served };
}

test("qmail-popup's greeting holds its timestamp [Q-243]", () => {
  assert.equal(greeting("<1.2@mx.test>"), "+OK <1.2@mx.test>\r\n");
  assert.equal(greeting(null), "+OK Quail\r\n");
});

test("qmail-popup knows five commands before login; all else is refused in its words [Q-243] [X-041]", async () => {
  const { claims } = await talkTo(
    classic,
    `C: STAT
     S: -ERR authorization first
     C: CAPA
     S: -ERR authorization first
     C: AUTH PLAIN
     S: -ERR authorization first
     C: noop
     S: +OK 
     C: PASS x
     S: -ERR USER first
     C: USER
     S: -ERR syntax error
     C: USER joe
     S: +OK 
     C: PASS
     S: -ERR syntax error
     C: APOP joe
     S: -ERR syntax error
     C: pass a b 
     CLOSED`,
  );
  assert.deepEqual(claims, [{ login: "joe", secret: "a b ", timestamp: "<1.2@mx.test>" }]);
});

test("APOP hands its digest over with the greeting's timestamp; without one it is not there", async () => {
  const { claims } = await talkTo(classic, "C: APOP joe c4c9334bac560ecc979e58001b3e22fb\nCLOSED");
  assert.deepEqual(claims, [{ login: "joe", secret: "c4c9334bac560ecc979e58001b3e22fb", timestamp: "<1.2@mx.test>" }]);
  await talkTo(open, "C: APOP joe abc\nS: -ERR unimplemented");
});

const capabilityLines = "TOP UIDL RESP-CODES AUTH-RESP-CODE PIPELINING,EXPIRE NEVER,UTF8,LANG"
  .split(",")
  .flatMap((part) => (part.startsWith("EXPIRE") ? [part] : part.split(" ")))
  .map((line) => `S: ${line}`)
  .join("\n");

test("CAPA before login offers passwords only where they are taken, STLS only where it can be had [X-054]", async () => {
  const tail = "S: IMPLEMENTATION Quail\nS: .";
  await talkTo(open, `C: CAPA\nS: +OK \n${capabilityLines}\nS: USER\nS: SASL PLAIN\n${tail}`);
  const shy: LoginHouse = { ...open, takesPlain: (isSecure) => isSecure, startTls: async (goAhead) => goAhead() };
  await talkTo(shy, `C: CAPA\nS: +OK \n${capabilityLines}\nS: STLS\n${tail}`);
});

test("where passwords need TLS, none is taken in the clear", async () => {
  const shy: LoginHouse = { ...open, takesPlain: (isSecure) => isSecure };
  const refused = "S: -ERR passwords are not taken in the clear here: use TLS";
  const { claims } = await talkTo(
    shy,
    `C: USER joe\n${refused}\nC: PASS x\nS: -ERR USER first\nC: AUTH PLAIN AGEAYg==\n${refused}\nC: QUIT\nS: +OK \nCLOSED`,
  );
  assert.deepEqual(claims, []);
});

test("AUTH PLAIN with its response on the line, or after `+`; `*` and `=` are told apart [X-056]", async () => {
  const base64 = Buffer.from("\0joe\0a b:c").toString("base64");
  const { claims } = await talkTo(
    open,
    `C: AUTH
     S: +OK 
     S: PLAIN
     S: .
     C: AUTH CRAM-MD5
     S: -ERR no such mechanism
     C: AUTH PLAIN
     S: + 
     C: *
     S: -ERR authentication aborted
     C: AUTH PLAIN =
     S: -ERR syntax error
     C: AUTH plain ${base64}
     S: -ERR [AUTH] authorization failed
     C: AUTH PLAIN
     S: + 
     C: ${base64}
     CLOSED`,
    2,
  );
  const claim = { login: "joe", secret: "a b:c", timestamp: "" };
  assert.deepEqual(claims, [claim, claim]);
});

test("after a refusal one starts again with USER", async () => {
  await talkTo(
    open,
    "C: USER a\nS: +OK \nC: PASS b\nS: -ERR [AUTH] authorization failed\nC: PASS c\nS: -ERR USER first",
    2,
  );
});

test("what came before TLS is dropped, and TLS comes once [X-054] [X-055]", async () => {
  const [server, client] = duplexPair();
  const [inner, innerClient] = duplexPair();
  let plain: Duplex | null = null;
  const house: LoginHouse = {
    ...open,
    takesPlain: (isSecure) => isSecure,
    startTls: async (goAhead) => {
      plain = await goAhead();
      return inner;
    },
  };
  const { LineWire } = await import("#net");
  const talk = newLoginTalk(new LineWire(server, 10_000));
  const served = nextLogin(talk, house);
  client.write("STLS\r\nUSER eve\r\nPASS x\r\n");
  await play(
    innerClient,
    `C: PASS mine
     S: -ERR USER first
     C: STLS
     S: -ERR TLS is on already
     C: CAPA
     S: +OK 
     ${capabilityLines}
     S: USER
     S: SASL PLAIN
     S: IMPLEMENTATION Quail
     S: .
     C: USER joe
     S: +OK 
     C: PASS mine`,
  );
  assert.deepEqual(await served, { kind: "try", claim: { login: "joe", secret: "mine", timestamp: "" } });
  assert.equal(plain, server);
  client.destroy();
  innerClient.destroy();
});

test("a NUL, a line without end and endless nonsense end in words, not in a login", async () => {
  const nul = await talkTo(open, "C> USER a\\u0000b\\r\\n\nS: -ERR syntax error\nC: PASS x\nS: -ERR USER first");
  assert.deepEqual([nul.claims, nul.last], [[], { kind: "end", end: "hangup" }]);
  const long = await talkTo(open, `C: USER ${"x".repeat(5000)}\nS: -ERR line too long\nCLOSED`);
  assert.deepEqual(long.last, { kind: "end", end: "line-too-long" });
  const nonsense = "C: X\nS: -ERR authorization first\n".repeat(25);
  const tired = await talkTo(open, `${nonsense}S: -ERR too many errors\nCLOSED`);
  assert.deepEqual(tired.last, { kind: "end", end: "too-many-errors" });
});

test("UTF8 and LANG are answered before login", async () => {
  await talkTo(open, "C: UTF8\nS: +OK \nC: LANG\nS: +OK \nS~ ^i-default\nS: .\nC: LANG xx\nS: -ERR no such language");
});

const commands: readonly (readonly [line: string, verb: string, arg: string])[] = [
  ["", "", ""],
  ["stat", "stat", ""],
  ["RETR  1 2 ", "retr", "1 2 "],
  [" STAT", "", "STAT"],
  ["\xc4 x", "\xc4", "x"],
  ["DELE ", "dele", ""],
];

for (const [line, verb, arg] of commands) {
  test(`${JSON.stringify(line)} is taken apart at the first blank`, () => {
    assert.deepEqual(parseCommand(line), { verb, arg });
  });
}

test("APOP's and PLAIN's words are read, and nothing else passes for them", () => {
  assert.deepEqual(parseApop("joe  abc"), { login: "joe", digest: "abc" });
  for (const bad of ["", "joe", "joe ", "a b c", " a b"]) assert.equal(parseApop(bad), null, bad);
  const plain = (text: string): ReturnType<typeof parsePlain> => parsePlain(Buffer.from(text).toString("base64"));
  assert.deepEqual(plain("\0a\0b"), { login: "a", secret: "b" });
  assert.deepEqual(plain("a\0a\0b"), { login: "a", secret: "b" });
  for (const bad of ["", "a\0b", "x\0a\0b", "\0\0b", "\0a\0", "\0a\0b\0c"]) assert.equal(plain(bad), null, bad);
  for (const bad of ["", "=", "*", "AG", "%%%"]) assert.equal(parsePlain(bad), null, bad);
});

test("no octets whatever get past this without being a claim of theirs", async () => {
  const line = fc.oneof(
    fc.string({ unit: "binary-ascii" }),
    fc.constantFrom("USER a", "PASS b", "AUTH PLAIN", "APOP a b", "CAPA", "QUIT", "AUTH PLAIN AGEAYg==", "*"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 15 }), async (lines) => {
      const { wire, client } = wirePair();
      client.resume();
      client.end(Buffer.from(`${lines.join("\r\n")}\r\n`, "latin1"));
      const step = await nextLogin(newLoginTalk(wire), open);
      if (step.kind === "try") assert.ok(!`${step.claim.login}${step.claim.secret}`.includes("\0"));
    }),
    { numRuns: 100 },
  );
});

test("AUTH relays any mechanism the house offers, with and without initial response, `=`, and `*` [X-056] [J-171]", async () => {
  const asked: [string, string | null][] = [];
  const house: LoginHouse = {
    ...open,
    takesPlain: () => false,
    sasl: {
      offers: () => ["CRAM-MD5"],
      async run(mechanism, initial, _isSecure, ask) {
        asked.push([mechanism, initial?.toString("latin1") ?? null]);
        const response = await ask("Y2hhbGxlbmdl");
        if (response === null) return null;
        return { kind: "no", why: "wrong", delayMs: 0, login: response.toString("latin1") };
      },
    },
  };
  const { last } = await talkTo(
    house,
    `C: CAPA
     S: +OK 
     S: TOP
     S: UIDL
     S: RESP-CODES
     S: AUTH-RESP-CODE
     S: PIPELINING
     S: EXPIRE NEVER
     S: UTF8
     S: LANG
     S: SASL CRAM-MD5
     S: IMPLEMENTATION Quail
     S: .
     C: AUTH SCRAM-SHA-1
     S: -ERR no such mechanism
     C: AUTH cram-md5
     S: + Y2hhbGxlbmdl
     C: *
     S: -ERR authentication aborted
     C: AUTH CRAM-MD5 =
     S: + Y2hhbGxlbmdl
     C: not base64
     S: -ERR syntax error
     C: AUTH CRAM-MD5 YQ==
     S: + Y2hhbGxlbmdl
     C: am9l`,
  );
  assert.deepEqual(asked, [
    ["CRAM-MD5", null],
    ["CRAM-MD5", ""],
    ["CRAM-MD5", "a"],
  ]);
  assert.deepEqual(last, {
    kind: "sasl",
    mechanism: "CRAM-MD5",
    verdict: { kind: "no", why: "wrong", delayMs: 0, login: "joe" },
  });
});
