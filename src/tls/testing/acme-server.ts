/**
 * An ACME server (RFC 8555) for tests, strict about what clients get wrong: signatures, nonces used twice, addresses in the wrong
 * envelope, answers to challenges. It looks at challenges where it is told that port 80 and 443 lead, and issues for a day.
 */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, randomBytes, verify } from "node:crypto";
import { get } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { keyPem, makeKey, selfSign } from "../make-certificate.ts";

type Authorization = { name: string; status: string; token: string; error?: object };
type Order = { names: readonly string[]; status: string; authorizations: readonly string[]; certificate?: string };
export type AcmeServer = {
  readonly directory: string;
  /** PEM: whom to trust as this server. */
  readonly authority: string;
  /** TXT records that are there now, by name. */
  readonly records: Map<string, string>;
  /** Where port 80, and 443, of every name leads. */
  readonly ports: { http: number; tls: number };
  /** Nonces that are refused, from the next request on. */
  staleNonces: number;
  /** Certificates issued so far. */
  readonly issued: readonly (readonly string[])[];
  readonly close: () => void;
};

/** The value at `path` in nested DER sequences, counted from 0, as it stands. */
function derAt(bytes: Buffer, path: readonly number[]): Buffer {
  const [index, ...rest] = path;
  if (index === undefined) return bytes;
  const long = bytes[1]! & 0x80 ? bytes[1]! & 0x7f : 0;
  let at = 2 + long;
  for (let count = 0; ; count++) {
    const lengthOctets = bytes[at + 1]! & 0x80 ? bytes[at + 1]! & 0x7f : 0;
    const length = lengthOctets === 0 ? bytes[at + 1]! : bytes.readUIntBE(at + 2, lengthOctets);
    const end = at + 2 + lengthOctets + length;
    if (count === index) return derAt(bytes.subarray(at, end), rest);
    at = end;
  }
}

export async function startAcmeServer(): Promise<AcmeServer> {
  const [tlsKey, caKey] = [makeKey(), makeKey()];
  const [notBefore, notAfter] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 86_400_000)];
  const authority = selfSign({ names: ["localhost", "127.0.0.1"], key: tlsKey, notBefore, notAfter });
  const nonces = new Set<string>();
  const accounts = new Map<string, KeyObject>();
  const orders = new Map<string, Order>();
  const authorizations = new Map<string, Authorization>();
  const issued: (readonly string[])[] = [];
  const server = createServer({ cert: authority, key: keyPem(tlsKey) });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const base = `https://localhost:${(server.address() as AddressInfo).port}`;
  const id = (): string => randomBytes(6).toString("hex");
  const state: AcmeServer = {
    directory: `${base}/directory`,
    authority,
    records: new Map(),
    ports: { http: 0, tls: 0 },
    staleNonces: 0,
    issued,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };

  const thumbprint = (key: KeyObject): string => {
    const { crv, kty, x, y } = key.export({ format: "jwk" });
    return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  };

  /** Whether the challenge is answered as it should be. */
  async function isProved(type: string, { name, token }: Authorization, account: KeyObject): Promise<boolean> {
    const answer = `${token}.${thumbprint(account)}`;
    const digest = createHash("sha256").update(answer).digest();
    if (type === "dns-01") return state.records.get(`_acme-challenge.${name}`) === digest.toString("base64url");
    if (type === "http-01") {
      const url = `http://127.0.0.1:${state.ports.http}/.well-known/acme-challenge/${token}`;
      return new Promise((done) => {
        get(url, { headers: { Host: name }, agent: false }, (response) => {
          let text = "";
          response
            .on("data", (piece) => (text += piece))
            .on("end", () => done(response.statusCode === 200 && text === answer));
        }).on("error", () => done(false));
      });
    }
    return new Promise((done) => {
      const options = { host: "127.0.0.1", port: state.ports.tls, servername: name, ALPNProtocols: ["acme-tls/1"] };
      const socket = connect({ ...options, rejectUnauthorized: false }, () => {
        const shown = socket.getPeerX509Certificate()!;
        const marked = Buffer.concat([
          Buffer.from("06082b06010505070 11f0101ff04220420".replace(/ /g, ""), "hex"),
          digest,
        ]);
        done(
          socket.alpnProtocol === "acme-tls/1" && shown.subjectAltName === `DNS:${name}` && shown.raw.includes(marked),
        );
        socket.destroy();
      });
      socket.on("error", () => done(false));
    });
  }

  type Reply = { readonly status: number; readonly body: unknown; readonly location?: string };
  const problem = (status: number, type: string, detail: string): Reply => ({
    status,
    body: { type: `urn:ietf:params:acme:error:${type}`, detail },
  });
  const shownOrder = (url: string, { status, names, authorizations, certificate }: Order): object => ({
    status,
    identifiers: names.map((value) => ({ type: "dns", value })),
    authorizations,
    finalize: `${url}/finalize`,
    ...(certificate === undefined ? {} : { certificate }),
  });

  async function obey(path: string, payload: string, key: KeyObject): Promise<Reply> {
    const [, kind = "", name = "", verb] = path.split("/");
    const url = `${base}/${kind}/${name}`;
    const told = payload === "" ? {} : JSON.parse(payload);
    if (kind === "new-account") {
      if (told.termsOfServiceAgreed !== true) return problem(403, "userActionRequired", "agree to the terms");
      const location = `${base}/account/${thumbprint(key)}`;
      accounts.set(location, key);
      return { status: 201, body: { status: "valid" }, location };
    }
    if (kind === "new-order") {
      const names = told.identifiers.map(({ value }: { value: string }) => value) as string[];
      if (names.some((one) => one.includes("forbidden"))) return problem(403, "rejectedIdentifier", "not that name");
      const location = `${base}/order/${id()}`;
      const made = names.map((one) => {
        const at = `${base}/authorization/${id()}`;
        authorizations.set(at, {
          name: one.replace("*.", ""),
          status: "pending",
          token: randomBytes(16).toString("base64url"),
        });
        return at;
      });
      orders.set(location, { names, status: "pending", authorizations: made });
      return { status: 201, body: shownOrder(location, orders.get(location)!), location };
    }
    const order = orders.get(url);
    if (kind === "order" && order !== undefined) {
      const all = order.authorizations.map((one) => authorizations.get(one)!.status);
      if (order.status === "pending" && all.every((status) => status === "valid")) order.status = "ready";
      if (all.includes("invalid")) order.status = "invalid";
      if (verb === "finalize") {
        if (order.status !== "ready") return problem(403, "orderNotReady", "prove your names first");
        const request = Buffer.from(told.csr, "base64url");
        const to = createPublicKey({ key: derAt(request, [0, 2]), format: "der", type: "spki" });
        const good = verify("sha256", derAt(request, [0]), to, derAt(request, [2]).subarray(3));
        if (!good) return problem(400, "badCSR", "its signature is wrong");
        if (order.names.some((one) => !request.includes(one))) return problem(400, "badCSR", "names are missing");
        issued.push(order.names);
        const names = order.names as [string, ...string[]];
        order.certificate = selfSign({ names, key: caKey, notBefore, notAfter, issued: { by: "Test Authority", to } });
        order.status = "valid";
      }
      if (verb === "certificate") return { status: 200, body: order.certificate };
      const shown = order.certificate === undefined ? order : { ...order, certificate: `${url}/certificate` };
      return { status: 200, body: shownOrder(url, shown), location: url };
    }
    const authorization = authorizations.get(url);
    if (kind === "authorization" && authorization !== undefined) {
      if (verb !== undefined) {
        const proved = await isProved(verb, authorization, key);
        authorization.status = proved ? "valid" : "invalid";
        if (!proved) authorization.error = { type: "urn:ietf:params:acme:error:unauthorized", detail: "wrong answer" };
      }
      const { name: value, status, token, error } = authorization;
      const challenges = ["http-01", "tls-alpn-01", "dns-01"].map((type) => ({
        type,
        status,
        token,
        error,
        url: `${url}/${type}`,
      }));
      return { status: 200, body: { status, identifier: { type: "dns", value }, challenges } };
    }
    return problem(404, "malformed", "no such thing");
  }

  /** Looks the envelope over (RFC 8555 §6.2 to §6.5), then obeys. */
  async function judge(path: string, text: string): Promise<Reply> {
    const { protected: header, payload, signature } = JSON.parse(text);
    const { alg, nonce, url, jwk, kid } = JSON.parse(Buffer.from(header, "base64url").toString());
    if (alg !== "ES256" || url !== base + path || (jwk === undefined) === (kid === undefined))
      return problem(400, "malformed", "envelope");
    if (!nonces.delete(nonce) || state.staleNonces-- > 0) return problem(400, "badNonce", "that nonce is no good");
    if ((jwk !== undefined) !== (path === "/new-account/")) return problem(400, "malformed", "jwk or kid");
    const key = jwk === undefined ? accounts.get(kid) : createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
    if (key === undefined) return problem(400, "accountDoesNotExist", "who are you?");
    const octets = Buffer.from(signature, "base64url");
    if (!verify("sha256", Buffer.from(`${header}.${payload}`), { key, dsaEncoding: "ieee-p1363" }, octets)) {
      return problem(400, "malformed", "the signature is wrong");
    }
    return obey(path, Buffer.from(payload, "base64url").toString(), key);
  }

  server.on("request", async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const fresh = randomBytes(12).toString("base64url");
    nonces.add(fresh);
    const path = request.url ?? "";
    const directory = {
      newNonce: `${base}/new-nonce`,
      newAccount: `${base}/new-account/`,
      newOrder: `${base}/new-order/`,
    };
    const reply: Reply = request.method !== "POST" ? { status: 200, body: directory } : await judge(path, text);
    const location = reply.location === undefined ? {} : { Location: reply.location };
    response.writeHead(reply.status, { "Replay-Nonce": fresh, "Content-Type": "application/json", ...location });
    response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  });
  return state;
}
