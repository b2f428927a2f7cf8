import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { isIP } from "node:net";

/** One question and its answer take no longer. */
const answerMs = 30_000;
/** A chain of certificates is some KB; nothing an ACME server says is larger. */
const maxAnswerBytes = 1 << 20;

/** An answer. Header names in lower case. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
};

export type Question = { readonly method: "GET" | "HEAD" | "POST"; readonly body?: string };

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));

/**
 * Asks an ACME server. `authorities`: PEM, in place of those Node trusts. HTTPS only (RFC 8555 §6.1), but on this machine. Throws what
 * kept it from an answer.
 */
export function ask(url: string, { method, body }: Question, authorities: string | null): Promise<Answer> {
  const target = new URL(url);
  const isPlain = target.protocol === "http:" && isLoopback(target.hostname);
  if (target.protocol !== "https:" && !isPlain) throw new Error(`${target.origin} is no address of an ACME server`);
  const request = isPlain ? plainRequest : secureRequest;
  const headers = { "User-Agent": "quail", ...(body === undefined ? {} : { "Content-Type": "application/jose+json" }) };
  return new Promise((done, failed) => {
    const sent = request(target, {
      method,
      headers,
      agent: false,
      ...(authorities === null ? {} : { ca: authorities }),
    });
    const timer = setTimeout(() => sent.destroy(new Error(`no answer in ${answerMs / 1000} seconds`)), answerMs);
    const end = (): void => clearTimeout(timer);
    sent.once("error", (error) => {
      end();
      failed(new Error(`${target.origin}: ${error.message}`, { cause: error }));
    });
    sent.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        if (text.length > maxAnswerBytes) sent.destroy(new Error("the answer is too long"));
      });
      response.once("error", (error) => {
        end();
        failed(error);
      });
      response.once("end", () => {
        end();
        done({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.end(body);
  });
}
