import type { KeyObject } from "node:crypto";
import { signRequest } from "./account-key.ts";
import { type Answer, ask } from "./ask.ts";

/** A nonce may be refused for its age (RFC 8555 §6.5). */
const maxNonceTries = 4;

/** The server said no. `type` is the last word of its problem's URN: `rateLimited`. */
export class AcmeError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** Members we use; anything may be missing or of another kind. */
type Told = Readonly<Record<string, unknown>>;
/** What a resource says, and where it is. */
export type Resource = { readonly url: string; readonly told: Told; readonly retrySeconds: number | null };

/** A member that must be text; throws if it is not. */
export function textOf(told: Told, name: string): string {
  const value = told[name];
  if (typeof value !== "string") throw new Error(`the ACME server's answer has no ${name}`);
  return value;
}

/** A member that must be a list. */
export function listOf(told: Told, name: string): readonly unknown[] {
  const value = told[name];
  if (!Array.isArray(value)) throw new Error(`the ACME server's answer has no ${name}`);
  return value;
}

/** Something that was parsed out of JSON, if it is an object. */
export const asTold = (value: unknown): Told => (typeof value === "object" && value !== null ? (value as Told) : {});

function parse({ text }: Answer): Told {
  try {
    return asTold(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The server's reason, fit to be shown: its words, without what could move a cursor. */
export function problemOf(told: Told, status: number): AcmeError {
  const type = typeof told.type === "string" ? told.type.replace(/^.*:/, "") : "error";
  const detail = typeof told.detail === "string" ? told.detail : `status ${status}`;
  const parts = (Array.isArray(told.subproblems) ? told.subproblems : []).map((one) => asTold(one).detail);
  const words = [detail, ...parts.filter((part) => typeof part === "string")].join("; ");
  return new AcmeError(type, `${type}: ${words}`.replace(/[\p{Cc}\p{Cf}]/gu, "_").slice(0, 1_000));
}

/** A talk with one ACME server (RFC 8555) under one account. */
export class AcmeClient {
  readonly #key: KeyObject;
  readonly #authorities: string | null;
  readonly #directory: Told;
  #nonce: string | null = null;
  #account: string | null = null;

  private constructor(key: KeyObject, authorities: string | null, directory: Told) {
    this.#key = key;
    this.#authorities = authorities;
    this.#directory = directory;
  }

  /** Reads the directory, and finds or makes the key's account; that the terms are agreed to is the caller's word (RFC 8555 §7.3). */
  static async open(
    server: string,
    key: KeyObject,
    mail: string | null,
    authorities: string | null,
  ): Promise<AcmeClient> {
    const answer = await ask(server, { method: "GET" }, authorities);
    if (answer.status !== 200) throw problemOf(parse(answer), answer.status);
    const client = new AcmeClient(key, authorities, parse(answer));
    const contact = mail === null ? {} : { contact: [`mailto:${mail}`] };
    const account = await client.post(textOf(client.#directory, "newAccount"), {
      termsOfServiceAgreed: true,
      ...contact,
    });
    client.#account = account.url;
    return client;
  }

  /** Orders a certificate (RFC 8555 §7.4). */
  order(names: readonly string[]): Promise<Resource> {
    const identifiers = names.map((value) => ({ type: "dns", value }));
    return this.post(textOf(this.#directory, "newOrder"), { identifiers });
  }

  /** A resource as it is now. */
  look(url: string): Promise<Resource> {
    return this.post(url, undefined);
  }

  /** The text of a resource: a chain of certificates (RFC 8555 §7.4.2). */
  async text(url: string): Promise<string> {
    return (await this.#ask(url, undefined)).text;
  }

  async post(url: string, payload: unknown): Promise<Resource> {
    const answer = await this.#ask(url, payload);
    const { location, "retry-after": retry } = answer.headers;
    const seconds = typeof retry === "string" && /^\d{1,6}$/.test(retry) ? Number(retry) : null;
    return { url: typeof location === "string" ? location : url, told: parse(answer), retrySeconds: seconds };
  }

  async #ask(url: string, payload: unknown): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const nonce = this.#nonce ?? (await this.#freshNonce());
      this.#nonce = null;
      const body = signRequest(this.#key, { url, nonce, account: this.#account }, payload);
      const answer = await ask(url, { method: "POST", body }, this.#authorities);
      this.#nonce = nonceOf(answer);
      if (answer.status < 400) return answer;
      const problem = problemOf(parse(answer), answer.status);
      if (problem.type !== "badNonce" || tries >= maxNonceTries) throw problem;
    }
  }

  async #freshNonce(): Promise<string> {
    const nonce = nonceOf(await ask(textOf(this.#directory, "newNonce"), { method: "HEAD" }, this.#authorities));
    if (nonce === null) throw new Error("the ACME server gives no nonce");
    return nonce;
  }
}

function nonceOf({ headers }: Answer): string | null {
  const nonce = headers["replay-nonce"];
  return typeof nonce === "string" && /^[A-Za-z0-9_-]{1,500}$/.test(nonce) ? nonce : null;
}
