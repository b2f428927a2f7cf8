import assert from "node:assert/strict";
import { test } from "node:test";
import { LoginGuard, storeClear } from "#auth";
import { type DeskParts, openAuthDesk } from "./auth-desk.ts";
import { parseQuestion, parseSaslQuestion, renderSaslQuestion, type SaslQuestion } from "./auth-frames.ts";

const question: SaslQuestion = {
  mechanism: "PLAIN",
  purpose: "sending",
  ip: "192.0.2.1",
  session: "t-1",
  isSecure: true,
  hostName: "mx.test",
  offersPlus: false,
  tlsExporter: null,
  certificate: [],
  initial: null,
};

function deskWith(more: Partial<DeskParts> = {}) {
  const logged: string[] = [];
  const checked: string[] = [];
  const desk = openAuthDesk({
    sources: {
      popEntry: (login) => {
        checked.push(login);
        return login === "joe" ? { login, hash: storeClear("secret"), uid: 7, gid: 7, home: "/" } : null;
      },
      systemAccount: () => null,
      program: () => null,
      appPasswords: () => [],
      defaultDomain: () => null,
      isLocalDomain: () => false,
    },
    guard: new LoginGuard(
      () => ({ failures: 3, banSeconds: 600 }),
      () => false,
    ),
    seed: Buffer.alloc(32),
    allows: (mechanism) => mechanism !== "LOGIN",
    token: null,
    certificate: null,
    admit: async (who) => ({ kind: "yes", user: who.user, worker: "/w", ticket: "t" }),
    seen: () => {},
    log: (line) => logged.push(line),
    ...more,
  });
  return { desk, logged, checked };
}

const plain = (login: string, secret: string): Buffer => Buffer.from(`\0${login}\0${secret}`);

test("an exchange is answered step by step; a name for who sends, a worker for who reads", async () => {
  const counter = deskWith().desk.openCounter();
  assert.deepEqual(await counter.begin(1, question), { kind: "challenge", data: "" });
  assert.deepEqual(await counter.respond(1, plain("joe", "secret")), { kind: "known", user: "joe", login: "joe" });
  assert.equal(await counter.respond(1, plain("joe", "secret")), null, "it is over");
  const reading = { ...question, purpose: "mailbox", initial: plain("joe", "secret") } as const;
  assert.deepEqual(await counter.begin(2, reading), {
    kind: "yes",
    user: "joe",
    worker: "/w",
    ticket: "t",
    login: "joe",
  });
  await counter.begin(3, question);
  counter.cancel(3);
  assert.equal(await counter.respond(3, plain("joe", "secret")), null);
  assert.deepEqual(await counter.begin(4, { ...question, mechanism: "LOGIN" }), { kind: "malformed" }, "not allowed");
  assert.deepEqual(await counter.begin(5, { ...question, mechanism: "constructor" }), { kind: "malformed" });
});

test("failures count for all protocols together; who is banned is not even checked [J-172] [J-236]", async () => {
  const { desk, logged, checked } = deskWith();
  const counter = desk.openCounter();
  const wrong = { ...question, initial: plain("joe", "wrong") };
  const first = await counter.begin(1, wrong);
  assert.deepEqual(first, { kind: "no", why: "wrong", delayMs: 1000, login: "joe" });
  const login = { login: "joe", secret: "wrong", timestamp: "", ip: question.ip, session: "p", isSecure: true };
  assert.deepEqual(await desk.login({ ...login, isDoubtful: false }), { kind: "no", why: "wrong", delayMs: 2000 });
  assert.equal((await counter.begin(2, { ...wrong, initial: plain("nobody", "wrong") })).kind, "no");
  assert.deepEqual(logged, ["auth ban ip=192.0.2.1"]);
  checked.length = 0;
  const right = { ...login, secret: "secret", isDoubtful: false };
  assert.deepEqual(await desk.login(right), { kind: "no", why: "too-many", delayMs: 0 });
  const banned = await counter.begin(3, { ...question, initial: plain("joe", "secret") });
  assert.equal(banned.kind === "no" && banned.why, "too-many");
  assert.deepEqual(checked, []);
  assert.equal((await desk.login({ ...right, ip: "192.0.2.2" })).kind, "yes", "from elsewhere the owner gets in");
});

test("an unknown name takes as long as a wrong password, and gets the same words [J-172]", async () => {
  const hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const { desk } = deskWith({
    guard: new LoginGuard(
      () => ({ failures: 0, banSeconds: 0 }),
      () => true,
    ),
    sources: {
      popEntry: (login) => {
        const stored = login === "joe" ? hash : "*";
        return login === "nobody" ? null : { login, hash: stored, uid: 7, gid: 7, home: "/" };
      },
      systemAccount: () => null,
      program: () => null,
      appPasswords: () => [],
      defaultDomain: () => null,
      isLocalDomain: () => false,
    },
  });
  const ask = (login: string) =>
    desk.login({
      login,
      secret: "wrong",
      timestamp: "",
      ip: "192.0.2.1",
      session: "p",
      isSecure: true,
      isDoubtful: false,
    });
  const timeOf = async (login: string): Promise<number> => {
    const begun = performance.now();
    await ask(login);
    return performance.now() - begun;
  };
  await ask("joe");
  // The fastest of several in turn: what else the machine does only ever adds.
  let [known, unknown, locked] = [Infinity, Infinity, Infinity];
  for (let i = 0; i < 8; i++) {
    known = Math.min(known, await timeOf("joe"));
    unknown = Math.min(unknown, await timeOf("nobody"));
    locked = Math.min(locked, await timeOf("daemon"));
  }
  // A factor, not milliseconds: without a hash of its own the unknown name, and the locked one, would take a thousandth.
  for (const fastest of [unknown, locked]) assert.ok(fastest > known / 4, `${fastest} ms beside ${known} ms`);
  assert.deepEqual(await ask("joe"), await ask("nobody"));
});

test("a question survives the pipe whatever its octets; what is no question is none", () => {
  const full = {
    ...question,
    tlsExporter: Buffer.alloc(32, 0),
    certificate: ["joe@x.test", "sha256/ab"],
    initial: Buffer.from([0, 255, 0]),
  };
  assert.deepEqual(parseSaslQuestion(renderSaslQuestion(full)), full);
  assert.deepEqual(parseSaslQuestion(renderSaslQuestion(question)), question);
  assert.equal(parseSaslQuestion(Buffer.from("PLAIN\0other\0x")), null);
  assert.equal(parseSaslQuestion(Buffer.alloc(20_000)), null);
  assert.equal(parseQuestion(Buffer.from("a\0b")), null);
});
