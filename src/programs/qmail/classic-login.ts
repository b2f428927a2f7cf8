/**
 * AUTH of the classic qmail-smtpd (spec 11.3): logins are checked by a program with checkpassword's interface, which is given a program
 * to go on to; that one's exit code 0 is the yes. It runs in a process of its own: it becomes the user, and we must not.
 */
import { randomBytes } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { openSaslOracle, renderCredentials, type SaslEnd, saslMechanisms, type Verdict } from "#auth";
import type { ByteString } from "#bytes";
import { readValue } from "#control";
import { multiCallPath, type ProgramCall, spawnProgram } from "#process";
import { type LoginHouse, type LoginTurn, loadSenderRules } from "#smtp";
import { hasCrashed } from "./ask-child.ts";

/** A refusal waits, as the patch does: guessing must be slow. */
const refusalMs = 1_000;
const temporaryCode = 111;
const nonceBytes = 12;

type Words = readonly [string, ...string[]];

/** What the checker says of a login; its fields as they go on descriptor 3. */
async function ask(call: ProgramCall, words: Words, fields: readonly [string, string, string]): Promise<Verdict> {
  const [login, secret, timestamp] = fields;
  const credentials = renderCredentials({ login, secret, timestamp });
  if (credentials === null) return { kind: "no" };
  const command: Words = call.isOwn(words) ? [multiCallPath, ...words] : words;
  const code = await spawnProgram(command, {
    env: call.env,
    cwd: call.cwd,
    stdin: Readable.from([]),
    stdout: new Writable({ write: (_piece, _encoding, done) => done() }),
    stderr: call.stderr,
    signal: call.signal,
    inputs: new Map([[3, Readable.from([credentials])]]),
  });
  credentials.fill(0);
  if (code === temporaryCode || hasCrashed(code)) return { kind: "later", reason: "problem with child" };
  const who = { user: login, uid: 0, gid: 0, home: "/", shell: "/bin/sh", isSystem: false };
  return code === 0 ? { kind: "yes", who } : { kind: "no" };
}

function turnOf(end: SaslEnd): LoginTurn {
  if (end.kind === "malformed") return end;
  const { login, verdict } = end;
  if (verdict.kind === "yes") return { kind: "known", user: login, login };
  return verdict.kind === "no"
    ? { kind: "no", why: "wrong", delayMs: refusalMs, login }
    : { kind: "later", reason: verdict.reason, login };
}

/** The login house of a classic qmail-smtpd: `words` are the checker and what it goes on to. */
export function classicLogin(call: ProgramCall, home: string, words: Words): LoginHouse {
  const no: Verdict = { kind: "no" };
  const nobody = { popEntry: () => null, systemAccount: () => null, appPasswords: () => [], program: () => null };
  const oracle = {
    ...openSaslOracle({ ...nobody, defaultDomain: () => null, isLocalDomain: () => false }, Buffer.alloc(nonceBytes), {
      token: null,
      certificate: null,
    }),
    password: (login: ByteString, secret: ByteString) => ask(call, words, [login, secret, ""]),
    // The patch's order: the challenge first (spec 11.3).
    proof: (login: ByteString, challenge: ByteString, proof: ByteString) => ask(call, words, [login, challenge, proof]),
    token: async () => no,
  };
  return {
    async begin({ mechanism, initial, ...facts }) {
      const nonce = (): string => `${call.pid}.${randomBytes(nonceBytes).toString("hex")}`;
      const steps = saslMechanisms.get(mechanism)!(initial, oracle, { ...facts, nonce });
      const next = async (response: Buffer): Promise<LoginTurn> => {
        const step = await steps.next(response);
        return step.done === true ? turnOf(step.value) : { kind: "challenge", data: step.value.toString("base64") };
      };
      return { answer: await next(Buffer.alloc(0)), talk: { next, cancel: () => {} } };
    },
    // As the patch has it: the sender is looked at only if somebody asks for that, and the message passes as it is.
    rules: () => {
      const rules = loadSenderRules(home);
      const isAskedFor = readValue(home, "sendercheck") !== null;
      return { ...rules, check: isAskedFor ? rules.check : "no", keepsHeader: true, isLimited: false };
    },
    spend: async () => true,
  };
}
