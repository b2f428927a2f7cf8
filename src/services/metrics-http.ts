/**
 * As much HTTP/1.1 (RFC 9112) as one page for a scraper needs: one request a connection, its header read and its body not. Node's
 * own server brings the whole web with it and would make the metrics service the largest process of the house.
 */
import type { Socket } from "node:net";

export type HttpRequest = { readonly method: string; readonly path: string };
export type HttpPage = { readonly status: number; readonly type: string; readonly body: string };

/** A scraper's request is a few hundred bytes and comes at once. */
const maxHeaderChars = 8 * 1024;
const requestMs = 5_000;
/** The answer must be taken away within this time after it was written. */
const lingerMs = 5_000;

const reasons: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [400, "Bad Request"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [503, "Service Unavailable"],
]);

const plain = (status: number): HttpPage => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${reasons.get(status)}\n`,
});

function render({ status, type, body }: HttpPage, withBody: boolean): string {
  const allow = status === 405 ? "Allow: GET, HEAD\r\n" : "";
  const head = `HTTP/1.1 ${status} ${reasons.get(status)}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${head}Cache-Control: no-store\r\n${allow}Connection: close\r\n\r\n${withBody ? body : ""}`;
}

/** `GET /metrics?x HTTP/1.1` (or 1.0), path without the query; null if it is no such line. */
export function parseRequestLine(line: string): HttpRequest | null {
  const [, method, path] = /^([A-Z]{1,20}) (\/[!-~]*) HTTP\/1\.[01]$/.exec(line) ?? [];
  return method === undefined || path === undefined ? null : { method, path: path.split("?")[0] ?? path };
}

/** Answers the one request of a connection, GET and HEAD alone, then closes it. `pageFor` does not reject. */
export function answerHttp(socket: Socket, pageFor: (path: string) => Promise<HttpPage>): void {
  let head = "";
  let answered = false;
  const answer = (page: HttpPage, withBody = true): void => {
    if (socket.destroyed) return;
    socket.end(render(page, withBody));
    // A body nobody asked for is read and thrown away: closing on unread bytes would take the answer back (RST).
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), lingerMs);
  };
  let timer = setTimeout(() => {
    answered = true;
    answer(plain(408));
  }, requestMs);
  socket.on("error", () => {}); // The scraper went away; there is nobody to tell.
  socket.once("close", () => clearTimeout(timer));
  socket.on("data", (bytes) => {
    if (answered) return;
    head += bytes.toString("latin1");
    const end = /\r?\n\r?\n/.exec(head)?.index ?? -1;
    if (end < 0 && head.length <= maxHeaderChars) return;
    answered = true;
    if (end < 0 || end > maxHeaderChars) return answer(plain(431));
    const request = parseRequestLine(head.split(/\r?\n/, 1)[0] ?? "");
    if (request === null) return answer(plain(400));
    if (request.method !== "GET" && request.method !== "HEAD") {
      return answer({ ...plain(405), body: "GET only\n" });
    }
    void pageFor(request.path).then((page) => answer(page, request.method === "GET"));
  });
}
