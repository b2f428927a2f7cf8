import { createHash, type KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { namesOf, parseIdentity } from "../identity.ts";
import { keyPem, makeRequest } from "../make-certificate.ts";
import { keyAuthorization } from "./account-key.ts";
import { AcmeClient, asTold, listOf, problemOf, type Resource, textOf } from "./client.ts";

/** A challenge as whoever answers it needs it (RFC 8555 §8). */
export type Challenge = {
  /** Without `*.`. */
  readonly name: string;
  readonly token: string;
  /** What http-01 shows. */
  readonly answer: string;
  /** SHA-256 of the answer: what tls-alpn-01 shows, and dns-01 in base64url. */
  readonly digest: Buffer;
};

/** A way to prove that a name is ours. */
export type Solver = {
  readonly type: "http-01" | "tls-alpn-01" | "dns-01";
  /** Lays the answer out; what it returns takes it away again. */
  readonly present: (challenge: Challenge) => Promise<() => void | Promise<void>>;
};

export type Wanted = {
  /** The directory's address. */
  readonly server: string;
  readonly accountKey: KeyObject;
  /** Where the server may write to; null: nowhere. */
  readonly mail: string | null;
  /** Hosts (A-labels, lower case), `*.` in front for all below. */
  readonly names: readonly [string, ...string[]];
  /** The certificate's own key. */
  readonly key: KeyObject;
  readonly solver: Solver;
  /** PEM: whom to trust as the server; null: whom Node trusts. */
  readonly authorities: string | null;
};

/** A validation that takes longer is none (a DNS record may need some minutes). */
const patienceMs = 10 * 60_000;
const pauseMs = 1_000;
const longestPauseMs = 15_000;
/** Tokens are of this alphabet, and stand in paths (RFC 8555 §8.3). */
const tokenPattern = /^[A-Za-z0-9_-]{1,200}$/;

/** Proves that the names are ours and gets a certificate for them: an identity in PEM, chain and key. Throws AcmeError or another reason. */
export async function obtain(wanted: Wanted): Promise<string> {
  const { server, accountKey, mail, authorities, names, key } = wanted;
  const client = await AcmeClient.open(server, accountKey, mail, authorities);
  const order = await client.order(names);
  for (const url of listOf(order.told, "authorizations")) await prove(client, String(url), wanted);
  const ready = await settled(client, order.url, ["pending"]);
  const csr = makeRequest(names, key).toString("base64url");
  if (ready.told.status === "ready") await client.post(textOf(ready.told, "finalize"), { csr });
  const issued = await settled(client, order.url, ["ready", "processing"]);
  if (issued.told.status !== "valid") throw problemOf(asTold(issued.told.error), 0);
  const pem = `${(await client.text(textOf(issued.told, "certificate"))).trimEnd()}\n${keyPem(key)}`;
  return checked(pem, names);
}

/** An identity that is what was asked for; throws if it is not. */
function checked(pem: string, names: readonly string[]): string {
  const got = new Set(namesOf(parseIdentity(pem).certificate));
  const missing = names.find((name) => !got.has(name));
  if (missing !== undefined) throw new Error(`the certificate that came is not for ${missing}`);
  return pem;
}

/** Answers the challenge of one name, unless it has been proved before. */
async function prove(client: AcmeClient, url: string, { accountKey, solver }: Wanted): Promise<void> {
  const { told } = await client.look(url);
  if (told.status === "valid") return;
  const name = textOf(asTold(told.identifier), "value");
  const challenge = listOf(told, "challenges")
    .map(asTold)
    .find(({ type }) => type === solver.type);
  if (challenge === undefined) throw new Error(`${name}: the ACME server offers no ${solver.type}`);
  const token = textOf(challenge, "token");
  if (!tokenPattern.test(token)) throw new Error(`${name}: the ACME server's token is none`);
  const answer = keyAuthorization(token, accountKey);
  const digest = createHash("sha256").update(answer).digest();
  const takeAway = await solver.present({ name, token, answer, digest });
  try {
    await client.post(textOf(challenge, "url"), {});
    const end = await settled(client, url, ["pending"]);
    if (end.told.status !== "valid") throw failureOf(name, end);
  } finally {
    await takeAway();
  }
}

function failureOf(name: string, { told }: Resource): Error {
  const failed = listOf(told, "challenges")
    .map(asTold)
    .find(({ error }) => error !== undefined);
  return new Error(`${name}: ${problemOf(asTold(failed?.error), 0).message}`);
}

/** A resource once its state is none of these. */
async function settled(client: AcmeClient, url: string, passing: readonly string[]): Promise<Resource> {
  const deadline = performance.now() + patienceMs;
  for (let pause = pauseMs / 10; ; pause = Math.min(pause * 2, pauseMs)) {
    const now = await client.look(url);
    if (!passing.includes(String(now.told.status))) return now;
    if (performance.now() > deadline) throw new Error("the ACME server does not come to an end");
    await sleep(Math.min(now.retrySeconds === null ? pause : now.retrySeconds * 1000, longestPauseMs));
  }
}
