import { openSaslOracle, type SaslEnd, saslMechanisms, storeClear } from "#auth";
import type { LoginHouse, LoginTurn } from "../login.ts";
import { loadSenderRules } from "../submission/sender-rules.ts";

/** Challenges are the same at each run, so that a conversation can be written down. */
const nonce = (): string => "1896.697170952";

function turnOf(end: SaslEnd): LoginTurn {
  if (end.kind === "malformed") return end;
  const { login, verdict } = end;
  if (login === "guessed") return { kind: "no", why: "too-many", delayMs: 0, login };
  if (login === "later") return { kind: "later", reason: "the test says so", login };
  return verdict.kind === "yes"
    ? { kind: "known", user: login, login }
    : { kind: "no", why: "wrong", delayMs: 1, login };
}

/** The real mechanisms over a few accounts in memory. Everybody may send; `limited` may not. */
export function testAccounts(accounts: ReadonlyMap<string, string>, home: string): LoginHouse {
  const oracle = openSaslOracle(
    {
      popEntry: (login) => {
        const secret = accounts.get(login);
        return secret === undefined ? null : { login, hash: storeClear(secret), uid: 1, gid: 1, home: "/" };
      },
      appPasswords: () => [],
      systemAccount: () => null,
      program: () => null,
      defaultDomain: () => null,
      isLocalDomain: () => false,
    },
    Buffer.alloc(32),
    { token: null, certificate: null },
  );
  return {
    rules: () => loadSenderRules(home),
    spend: async (user) => user !== "limited",
    async begin({ mechanism, initial, ...facts }) {
      const steps = saslMechanisms.get(mechanism)!(initial, oracle, { ...facts, nonce });
      const next = async (response: Buffer): Promise<LoginTurn> => {
        const step = await steps.next(response);
        return step.done === true ? turnOf(step.value) : { kind: "challenge", data: step.value.toString("base64") };
      };
      return { answer: await next(Buffer.alloc(0)), talk: { next, cancel: () => {} } };
    },
  };
}
