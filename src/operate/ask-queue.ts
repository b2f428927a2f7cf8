import type { Socket } from "node:net";
import { join } from "node:path";
import { errorCode } from "#files";
import { connectUnix } from "#net";

/** An answer may be this long, in characters: the ids of one request, twice. */
const maxAnswerChars = 1024 * 1024;
/** The service commits each change of one request by itself; ten thousand of them on a slow disk take a while. */
const answerMs = 300_000;
const connectMs = 10_000;

/** What the queue service said, or why it could not be asked. */
export type QueueAnswer =
  | ({ readonly ok: true } & Readonly<Record<string, unknown>>)
  | { readonly ok: false; readonly error: string };

/** The queue service's desk for admins. */
export const queueAdminPath = (home: string): string => join(home, "run", "queue-admin");

const failure = (error: string): QueueAnswer => ({ ok: false, error });

/** Reads the answer's line; our own service is trusted to speak JSON, but not to be there to the end. */
function parseAnswer(line: string): QueueAnswer {
  try {
    const answer: unknown = JSON.parse(line);
    if (typeof answer === "object" && answer !== null && "ok" in answer) {
      return answer.ok === true
        ? { ...answer, ok: true }
        : failure("error" in answer ? String(answer.error) : "refused");
    }
  } catch {
    // Falls through: what is not JSON is not an answer.
  }
  return failure("the queue service gave no answer that makes sense");
}

/** Asks the running queue service one thing (a JSON line over run/queue-admin). Never throws for a service that is down. */
export async function askQueue(
  home: string,
  request: { readonly verb: string; readonly ids?: readonly number[] },
  timeoutMs: number = answerMs,
): Promise<QueueAnswer> {
  const connected = await connectUnix(queueAdminPath(home), Math.min(timeoutMs, connectMs)).catch(
    (error: unknown) => ({ reason: errorCode(error) }), // The folder itself is not there.
  );
  if ("reason" in connected) {
    const down = connected.reason === "ENOENT" || connected.reason === "ECONNREFUSED";
    return failure(`the queue service is not ${down ? "running" : `to be reached: ${connected.reason}`}`);
  }
  return converse(connected, JSON.stringify(request), timeoutMs);
}

function converse(socket: Socket, request: string, timeoutMs: number): Promise<QueueAnswer> {
  return new Promise((resolve) => {
    let text = "";
    const settle = (answer: QueueAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => settle(failure("the queue service does not answer")));
    socket.on("error", (error) => settle(failure(`the queue service went away: ${error.message}`)));
    socket.on("close", () => settle(failure("the queue service went away")));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0) settle(parseAnswer(text.slice(0, end)));
      else if (text.length > maxAnswerChars) settle(failure("the queue service talks too much"));
    });
    socket.write(`${request}\n`);
  });
}
